"""What an entry would have matched last week is what the linker would have linked, counted from stored documents."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from book_records import NOON, SCORED, a_document
from books import an_ingest
from console_stage import ConsoleStage
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine

from alerts.detection.unlisted import entity_of
from alerts.reading.watch_preview import Caution, Entry, Preview, Seen, preview
from deploy.watch_matching import EntryMatcher, FollowedLists, WatchLinking
from storage.connection import connect
from storage.ingest import ReadTo
from storage.search_index import index_waiting
from stream.entities import EntityLinker
from stream.watchlist import WatchList, load, read

TEXTS = (
    "Apple Inc. opens a store",
    "Apple shares fall 3% after earnings",
    "Apple pie recipes for autumn",
    "$AAPL to the moon",
    "NASDAQ: AAPL",
    "AAPL.US, AAPL.O",
    "买入AAPL",
    "The iPhone maker Apple (AAPL) is late",
    "Apple’s next phone worries investors",
    "$BRK.B is up",
    "a letter from berkshire hathaway",
    "AT&T raises prices",
    "Coca-Cola lifts its outlook",
    "HSBA.L",
    "HSBC Holdings Plc customers complain",
    "贵州茅台股价大涨",
    "貴州茅臺股價大漲",
    "600519.SH涨停",
    "SH600519",
    "某白酒龙头（600519）",
    "600519.XSHG",
    "sz300750 怎么看",
    "机器人公司股价涨停",
    "人工智能与机器人展览开幕",
    "中国银行业协会发布报告",
    "中国银行业绩增长",
)
LISTED = ("AAPL.US", "BRK-B.US", "KO.US", "HSBA.L", "600519.SH", "300750.SZ", "300024.SZ", "601988.SH")


@pytest.fixture(scope="module")
def books(module_database_url: str) -> Engine:
    """The texts, an hour apart, each a document; then a document of the week before."""
    engine = connect(module_database_url)
    documents = [a_document(n, n, minute=60 * n, title=text, body="") for n, text in enumerate(TEXTS)]
    early = a_document("early", 99, minute=-8 * 1440, title="Apple shares fall after earnings", body="")
    an_ingest(engine).scored([*documents, early], [ReadTo(SCORED, 0, 100)])
    index_waiting(engine)
    return engine


@pytest.fixture(scope="module")
def linking() -> WatchLinking:
    return WatchLinking(read())


def tried(books: Engine, linking: WatchLinking, entry: Entry | None) -> Preview:
    assert entry is not None
    with books.connect() as connection:
        return preview(connection, linking.matcher(entry), NOON + timedelta(days=3))


@pytest.mark.parametrize("entity_id", LISTED)
def test_it_matches_what_the_linker_links(books: Engine, linking: WatchLinking, entity_id: str):
    linker = EntityLinker(load())
    linked = {text: found.surface for text in TEXTS for found in linker.link(text) if found.entity_id == entity_id}
    found = tried(books, linking, linking.listed(entity_id))

    assert {sample.title: sample.surface for sample in found.samples} == linked
    assert found.documents == found.stories == found.negative == len(linked) > 0
    assert sum(count for _, count in found.days) == len(linked)


def test_an_ambiguous_name_is_told_apart_from_the_word(books: Engine, linking: WatchLinking):
    careless = tried(books, linking, Entry(name="机器人", entity_id="300024.SZ"))
    careful = tried(books, linking, Entry(name="机器人", entity_id="300024.SZ", ambiguous=("机器人",)))

    assert (careless.documents, careful.documents) == (2, 1)
    assert (careless.forms[0].documents, careless.forms[0].supported) == (2, 1)


def test_a_name_that_mostly_means_something_else_is_warned_of(database: Engine):
    pies = [a_document(n, n, minute=n, title=f"Quilling, pie number {n}", body="") for n in range(6)]
    an_ingest(database).scored(pies, [ReadTo(SCORED, 0, 6)])
    index_waiting(database)
    linking = WatchLinking(WatchList())

    assert Caution("unsupported", "Quilling") in tried(database, linking, Entry(name="Quilling")).cautions
    listed = tried(database, linking, Entry(name="Quilling", ambiguous=("Quilling",)))
    assert (listed.cautions, listed.documents, listed.forms[0].documents) == ((), 0, 6)


def test_a_word_that_the_index_leaves_out_is_said_to_be_left_out(books: Engine, linking: WatchLinking):
    found = tried(books, linking, linking.listed("T.US"))

    assert {caution.form for caution in found.cautions if caution.kind == "not_searched"} == {"AT&T", "T"}
    assert (found.candidates, found.documents) == (0, 0)


def test_the_api_tries_an_entry_and_keeps_nothing(console: ConsoleStage):
    client: TestClient = console.client("viewer")
    before = client.get("/entities").json()
    answer = client.post("/watchlist/preview", json={"name": "Acme Trouble", "aliases": ["Söhne"]})
    found = answer.json()

    assert answer.status_code == 200
    assert found["line"] == "acme-trouble,Acme Trouble,Söhne,,,"
    assert found["documents"] > 0
    assert {sample["surface"] for sample in found["samples"]} <= {"Acme trouble", "Söhne"}
    assert found["until"] == "2024-05-06T13:01:00Z"
    assert client.get("/entities").json() == before


@pytest.mark.parametrize(
    ("entry", "status"),
    [({"name": "?"}, 400), ({"name": ""}, 422), ({}, 422), ({"name": "a b", "colour": "red"}, 422)],
)
def test_what_is_no_entry_is_a_problem(console: ConsoleStage, entry: dict[str, str], status: int):
    answer = console.client("viewer").post("/watchlist/preview", json=entry)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_who_tries_beside_another_is_told_to_come_back(console: ConsoleStage):
    begun, go_on = threading.Event(), threading.Event()

    def wait(title: str, body: str) -> Seen:
        begun.set()
        assert go_on.wait(60)
        return Seen(None, frozenset(), frozenset())

    class Slow(WatchLinking):
        def matcher(self, entry: Entry) -> EntryMatcher:
            matcher = super().matcher(entry)
            if entry.name == "Slow":
                matcher.look = wait  # type: ignore[method-assign]
            return matcher

    class SlowLists(FollowedLists):
        def now(self, connection: Connection) -> WatchLinking:
            return Slow(WatchList())

    entry = {"name": "Slow", "aliases": ["Acme"]}
    slow = replace(console, parts=replace(console.parts, lists=SlowLists(WatchList())), _app=None)
    client = slow.client("viewer")
    first = threading.Thread(target=client.post, args=("/watchlist/preview",), kwargs={"json": entry})
    first.start()
    try:
        assert begun.wait(60)
        refused = client.post("/watchlist/preview", json={"name": "Quill"})
        page = slow.browser("viewer").get("/watchlist", params={"name": "Quill"})
    finally:
        go_on.set()
        first.join()

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (page.status_code, "Too many requests." in page.text) == (429, True)
    assert client.post("/watchlist/preview", json={"name": "Quill"}).status_code == 200


def test_the_page_shows_the_same_with_the_line_and_what_to_look_at(console: ConsoleStage):
    page = console.browser("viewer").get("/watchlist", params={"name": "Acme Ltd 2", "aliases": "Acme|Acme Ltd"}).text

    assert "acme-ltd-2,Acme Ltd 2,Acme|Acme Ltd,,," in page
    assert "belongs to Acme Ltd (acme) in a file of the installation or another entry" in page
    assert "<mark>Acme</mark> trouble" in page


def test_the_page_begins_with_what_is_listed_and_with_an_empty_form(console: ConsoleStage):
    client = console.browser("viewer")
    listed = client.get("/watchlist", params={"entity_id": "beta"}).text

    assert 'value="Beta &lt;b&gt;Bank&lt;/b&gt;"' in listed
    assert 'name="tickers" maxlength="2000" value="BET"' in listed
    assert "Would have matched" not in client.get("/watchlist").text


@pytest.mark.parametrize(
    ("name", "query"),
    [("Quill & Co", "name=Quill+%26+Co"), ("$QLL", "name=QLL&amp;tickers=QLL")],
)
def test_an_alert_about_a_name_on_no_list_leads_to_trying_it(own_console: ConsoleStage, name: str, query: str):
    alert_id = own_console.earlier(entity_of(name), 2, detector="unlisted_surge", status="firing")
    page = own_console.browser().get(f"/alerts/{alert_id}").text

    assert f'href="/watchlist?{query}"' in page
    assert 'href="/companies/unlisted' not in page


def test_what_is_no_entry_is_said_on_the_page(console: ConsoleStage):
    page = console.browser("viewer").get("/watchlist", params={"name": "<script>x</script>", "aliases": "x"}).text

    assert "is a single character: put a ticker under tickers" in page
    assert "<script>x" not in page
