"""Documents are found by their words in English and Chinese, by company and by verdict, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from book_records import NOON, SCORED, a_document, a_mention
from books import an_ingest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from storage.document_search import Place, Wanted, find_document, search
from storage.ingest import ReadTo
from storage.retention import drop_before
from storage.search_index import index_waiting, waiting

TITLES = {
    "rates": ("Central bank cuts rates", "Lenders welcome the move."),
    "default": ("Acme defaults on its bonds", "Bondholders were told on Monday."),
    "zh-rates": ("央行宣布降息", "市场利率随之下降。"),
    "zh-al": ("铝价大涨", "AI芯片需求旺盛，铝的库存下降。"),
}


@pytest.fixture
def books(database: Engine) -> Engine:
    """Four documents, the second a day after the first and so on, all indexed."""
    documents = [
        a_document(
            name,
            number,
            minute=number * 1440,
            title=title,
            body=body,
            language="zh" if name.startswith("zh") else "en",
            mentions=(a_mention("acme"),) if name == "default" else (),
        )
        for number, (name, (title, body)) in enumerate(TITLES.items())
    ]
    an_ingest(database).scored(documents, [ReadTo(SCORED, 0, 4)])
    assert index_waiting(database) == 4
    return database


def found(engine: Engine, **wanted: object) -> list[str]:
    with engine.connect() as connection:
        return [each.title for each in search(connection, Wanted(**wanted), most=10)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("cut rate", ["rates"]),
        ("default bond", ["default"]),
        ('"defaults on"', ["default"]),
        ('"rates central"', []),
        ("rates OR bonds", ["default", "rates"]),
        ("monday -central", ["default"]),
        ("降息", ["zh-rates"]),
        ("央行宣布", ["zh-rates"]),
        ("宣布央行", []),
        ("下降", ["zh-al", "zh-rates"]),
        ("下降 -铝", ["zh-rates"]),
        ("铝", ["zh-al"]),
        ("升", []),
        ("芯片 ai", ["zh-al"]),
        ("the", []),
    ],
)
def test_words_find_documents_newest_first(books: Engine, words: str, names: list[str]):
    assert found(books, words=words) == [TITLES[name][0] for name in names]


@pytest.mark.parametrize("words", ["quill", "“quill’s bank”", "603999", "停牌"])
def test_typographic_signs_are_no_part_of_words(database: Engine, words: str):
    document = a_document(1, 1, title="“Quill’s” bank（603999）停牌", body="")
    an_ingest(database).scored([document], [ReadTo(SCORED, 0, 2)])
    index_waiting(database)

    assert found(database, words=words) == [document.title]


def test_conditions_narrow_it(books: Engine):
    assert found(books, language="zh") == [TITLES["zh-al"][0], TITLES["zh-rates"][0]]
    assert found(books, entity_id="acme") == [TITLES["default"][0]]
    assert found(books, entity_id="acme", words="降息") == []
    assert found(books, until=NOON + timedelta(days=1)) == [TITLES["rates"][0]]
    assert found(books, since=NOON + timedelta(days=3)) == [TITLES["zh-al"][0]]


def test_pages_follow_each_other_without_gap_or_repetition(books: Engine):
    with books.connect() as connection:
        whole = search(connection, Wanted(), most=10)
        pages, after = [], None
        while page := search(connection, Wanted(), most=1, after=after):
            pages += page
            after = Place(page[-1].published_at, page[-1].document_id)

    assert pages == whole
    assert len(whole) == 4


def test_what_is_stored_is_found_by_words_only_after_indexing(database: Engine):
    an_ingest(database).scored([a_document(1, 1, title="Fresh news")], [ReadTo(SCORED, 0, 2)])

    assert (found(database, words="fresh"), found(database)) == ([], ["Fresh news"])
    index_waiting(database)
    assert found(database, words="fresh") == ["Fresh news"]
    with database.connect() as connection:
        assert waiting(connection) == 0


def test_retention_takes_the_terms_along(books: Engine):
    drop_before(books, (NOON + timedelta(days=2)).date())

    assert found(books, words="rates OR bonds") == []
    with books.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM document_terms")).scalar_one() == 2


def test_what_is_taken_down_leaves_the_index_and_what_comes_again_is_indexed_again(books: Engine):
    with books.begin() as connection:
        connection.execute(text("DELETE FROM documents WHERE title = :title"), {"title": TITLES["rates"][0]})
        left = connection.execute(text("SELECT count(*) FROM document_terms")).scalar_one()
        connection.execute(text("INSERT INTO search_queue SELECT document_id, published_at FROM documents"))
        connection.execute(text("UPDATE documents SET title = 'Acme pays after all' WHERE title LIKE 'Acme%'"))

    assert left == 3
    assert index_waiting(books) == 3
    assert found(books, words="pays") == ["Acme pays after all"]
    assert found(books, words="defaults") == []


def test_a_document_dropped_before_it_was_indexed_only_leaves_the_queue(database: Engine):
    an_ingest(database).scored([a_document(1, 1)], [ReadTo(SCORED, 0, 2)])
    drop_before(database, (NOON + timedelta(days=2)).date())

    assert index_waiting(database) == 1
    assert found(database) == []


def test_one_document_is_read_with_its_whole_text(books: Engine):
    with books.connect() as connection:
        (one,) = search(connection, Wanted(words="defaults"), most=2)
        whole = find_document(connection, one.document_id)

    assert whole is not None
    assert (whole.text, whole.entities) == (TITLES["default"][1], ("acme",))


@given(words=st.text(max_size=40))
@hypothesis_settings(max_examples=60)
def test_no_query_is_an_error(books_once: Engine, words: str):
    with books_once.connect() as connection:
        search(connection, Wanted(words=words.encode("utf-8", "ignore").decode()), most=1)


@pytest.fixture(scope="module")
def books_once(module_database_url: str):
    """A database for the examples of a property, which change nothing."""
    from storage.connection import connect

    engine = connect(module_database_url)
    an_ingest(engine).scored([a_document(1, 1)], [ReadTo(SCORED, 0, 2)])
    yield engine
    engine.dispose()
