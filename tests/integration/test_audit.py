"""The audit is silent about sound books, and names each kind of damage: what, where, and both figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
import redis
from book_records import DEAD, NOON, RAW, SCORED, a_correction, a_document, a_letter, a_mention, a_retraction
from books import an_ingest
from sqlalchemy import Engine, text

from storage.audit import audit
from storage.hot_windows import HotWindows
from storage.ingest import ReadTo
from storage.retention import drop_before, kept_from

ENDS: Mapping[tuple[str, int], tuple[int, int]] = {(RAW, 0): (0, 8), (RAW, 1): (0, 3)}
SCORED_ENDS = {(SCORED, 0): (0, 7), (SCORED, 1): (0, 3)}
DEAD_ENDS = {(DEAD, 0): (0, 1)}


@pytest.fixture
def hot(redis_client: redis.Redis) -> HotWindows:
    return HotWindows(redis_client)


@pytest.fixture
def books(database: Engine, hot: HotWindows) -> Engine:
    """Partition 0: six documents, one of them again, one dead letter; partition 1: three documents, a day later."""
    ingest = an_ingest(database)
    acme = (a_mention("acme"),)
    first = [a_document(n, n, minute=n, mentions=acme, topics=("legal",)) for n in range(6)]
    again = a_document(0, 6, minute=0, mentions=acme, topics=("legal",))
    second = [a_document(10 + n, n, partition=1, minute=1440 + n) for n in range(3)]
    for rows in (
        ingest.scored([*first, again], [ReadTo(SCORED, 0, 7)]).trends,
        ingest.scored(second, [ReadTo(SCORED, 1, 3)]).trends,
    ):
        hot.set(rows)
    ingest.dead([a_letter(7)], [ReadTo(DEAD, 0, 1)])
    return database


def found(books: Engine, hot: HotWindows | None = None) -> list[str]:
    report = audit(books, hot, ENDS, {**SCORED_ENDS, **DEAD_ENDS})
    assert report.ok == (not report.differences)
    return report.differences


def damage(books: Engine, *statements: str) -> None:
    with books.begin() as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount > 0, "the damage was done to something"


def id_of(name: int) -> str:
    return str(a_document(name, 0).document_id)


def test_sound_books_add_up_and_the_figures_say_how_much_there_was(books: Engine, hot: HotWindows):
    report = audit(books, hot, ENDS, {**SCORED_ENDS, **DEAD_ENDS})

    assert report.ok
    assert report.differences == []
    assert report.figures == {
        "raw_records": 11,
        "accounted": 11,
        "stored": 9,
        "repeated": 1,
        "dead": 1,
        "corrected": 0,
        "retracted": 0,
        "superseded": 0,
        "losses_acknowledged": 0,
        "document_ids": 9,
        "documents": 9,
        "documents_dropped": 0,
        "withdrawn_documents": 0,
        "mentions": 6,
        "dead_letters": 1,
        "trend_rows": 6 * 4 + 3,
        "rescored_documents": 0,
        "hot_mismatches": 0,
    }


def test_empty_books_of_an_empty_broker_add_up(database: Engine):
    assert audit(database, None, {(RAW, 0): (0, 0)}).ok


def test_records_that_the_broker_has_forgotten_are_not_missed(books: Engine):
    assert audit(books, None, {(RAW, 0): (5, 8), (RAW, 1): (3, 3)}).ok


def test_a_raw_record_without_an_outcome_is_named(books: Engine):
    report = audit(books, None, {(RAW, 0): (0, 10), (RAW, 1): (0, 3), (RAW, 2): (4, 5)})

    assert report.differences == [
        "documents.raw/0: no outcome for offsets 8-9",
        "documents.raw/2: no outcome for offsets 4",
        "documents.raw/2 offsets 0-3: lost, 4 records left the broker before they were counted (see `yuqing losses`)",
    ]


def test_outcomes_that_the_broker_knows_nothing_of_are_named(books: Engine):
    """The broker lost its data, or another broker is asked."""
    report = audit(books, None, {(RAW, 0): (0, 6), (RAW, 1): (0, 3)})

    assert report.differences == ["documents.raw/0: outcomes for offsets 6-7, which the broker does not have"]


def test_records_that_wait_to_be_read_are_named(books: Engine):
    report = audit(books, None, ENDS, {(SCORED, 0): (0, 9), (SCORED, 3): (2, 4), **DEAD_ENDS})

    assert report.differences == [
        "documents.scored/0: read up to 7, but the broker has 2 more (end 9)",
        "documents.scored/3: read up to 2, but the broker has 2 more (end 4)",
    ]


def test_an_offset_taken_out_of_the_ledger_is_named(books: Engine):
    damage(books, "UPDATE ledger SET accounted = accounted - '{[3,4)}'::int8multirange WHERE partition = 0")

    assert found(books) == [
        "documents.raw/0: no outcome for offsets 3",
        "ledger documents.raw/0: stored 6 + repeated 1 + dead 1 = 8, but 7 offsets have an outcome",
        f"document {id_of(3)} from documents.raw/0 offset 3: stored, but the ledger has no outcome for that offset",
    ]


def test_a_document_that_is_gone_is_named_and_what_it_leaves_behind(books: Engine):
    damage(books, f"DELETE FROM documents WHERE document_id = '{id_of(4)}'")

    lines = found(books)

    assert lines[0] == f"document {id_of(4)} of 2024-05-06T12:04Z: its id is counted, but the document is gone"
    assert f"mention of acme in document {id_of(4)}: the document is gone" in lines
    assert "9 ids are counted, but there are 8 documents and 0 dropped by retention" in lines
    assert "trend * / * / 2024-05-06T12:04Z / m1: the row says 1 documents, none is stored" in lines


def test_a_document_and_its_id_that_are_gone_are_missed_by_the_ledger(books: Engine):
    damage(
        books,
        f"DELETE FROM documents WHERE document_id = '{id_of(11)}'",
        f"DELETE FROM document_keys WHERE document_id = '{id_of(11)}'",
    )

    assert found(books)[0] == "the ledger says 9 documents were stored and 0 retracted, 8 ids are counted"


def test_a_document_without_its_id_would_be_counted_again_and_is_named(books: Engine):
    damage(books, f"DELETE FROM document_keys WHERE document_id = '{id_of(2)}'")

    assert found(books)[0] == f"document {id_of(2)} from documents.raw/0 offset 2: stored, but its id is not"


@pytest.mark.parametrize(
    "column", ["documents", "stories", "negative", "neutral", "positive", "negative_stories", "score_micro"]
)
def test_a_sum_that_was_bumped_is_named_with_both_figures(books: Engine, column: str):
    damage(
        books,
        f"UPDATE trend_counts SET {column} = {column} + 1 "
        f"WHERE entity_id = 'acme' AND topic = 'legal' AND bucket = '{NOON + timedelta(minutes=2)}'",
    )
    was = {"neutral": 0, "positive": 0, "score_micro": -700_000}.get(column, 1)

    assert found(books) == [f"trend acme / legal / 2024-05-06T12:02Z / m1: {column} is {was + 1}, recounted {was}"]


@pytest.mark.parametrize(
    ("column", "told"), [("documents", "7 documents and 6"), ("negative_stories", "6 documents and 7")]
)
def test_an_hour_of_the_market_that_was_bumped_is_named_with_both_figures(books: Engine, column: str, told: str):
    damage(books, f"UPDATE market_hours SET {column} = {column} + 1 WHERE topic = 'legal'")

    assert found(books) == [f"market hour 2024-05-06T12:00Z / legal: {told} negative stories, its minutes have 6 and 6"]


def test_a_trend_row_that_is_gone_and_one_that_was_made_up_are_named(books: Engine):
    damage(
        books,
        f"DELETE FROM trend_counts WHERE entity_id = '*' AND topic = '*' AND bucket = '{NOON}'",
        "INSERT INTO trend_counts SELECT 'ghost', topic, bucket, model_version, 3, 3, 3, 0, 0, 3, -9, 1, revised_at "
        f"FROM trend_counts WHERE entity_id = 'acme' AND topic = '*' AND bucket = '{NOON}'",
    )

    assert found(books) == [
        "trend * / * / 2024-05-06T12:00Z / m1: no row, but 1 documents belong there",
        "trend ghost / * / 2024-05-06T12:00Z / m1: the row says 3 documents, none is stored",
    ]


def test_a_mention_that_is_gone_shows_in_the_sums_of_its_company(books: Engine):
    damage(books, f"DELETE FROM mentions WHERE document_id = '{id_of(5)}'")

    assert found(books) == [
        "trend acme / * / 2024-05-06T12:05Z / m1: the row says 1 documents, none is stored",
        "trend acme / legal / 2024-05-06T12:05Z / m1: the row says 1 documents, none is stored",
    ]


@pytest.fixture
def revised(books: Engine, hot: HotWindows) -> Engine:
    """Of partition 0, documents 1 and 2 are corrected and 3 and 4 taken down, one of them for the second time."""
    acme = (a_mention("acme", "positive", 5),)
    revisions = [
        *(a_correction(n, 8 + n, minute=n, sentiment="positive", mentions=acme) for n in (1, 2)),
        *(a_retraction(n, 8 + n) for n in (3, 4)),
        a_retraction(4, 13, revised=2),
        a_document("after", 8),
    ]
    hot.set(an_ingest(books).scored(revisions, [ReadTo(SCORED, 0, 14)]).trends)
    return books


def found_in(revised: Engine) -> list[str]:
    return audit(revised, None, {(RAW, 0): (0, 14), (RAW, 1): (0, 3)}).differences


def test_revised_books_add_up(revised: Engine, hot: HotWindows):
    report = audit(revised, hot, {(RAW, 0): (0, 14), (RAW, 1): (0, 3)})

    assert report.ok, report.differences
    told = {name: report.figures[name] for name in ("stored", "corrected", "retracted", "superseded", "repeated")}
    assert told == {"stored": 10, "corrected": 2, "retracted": 2, "superseded": 1, "repeated": 1}
    assert (report.figures["documents"], report.figures["withdrawn_documents"]) == (8, 4)


def test_a_takedown_that_subtracted_too_little_is_named(revised: Engine):
    damage(
        revised,
        "UPDATE trend_counts SET documents = 1, negative = 1 WHERE entity_id = 'acme' AND topic = '*' "
        f"AND bucket = '{NOON + timedelta(minutes=3)}'",
    )

    assert found_in(revised) == ["trend acme / * / 2024-05-06T12:03Z / m1: the row says 1 documents, none is stored"]


def test_a_takedown_that_subtracted_too_much_is_named_with_both_figures(revised: Engine):
    damage(
        revised,
        "UPDATE trend_counts SET documents = 0, negative = 0, negative_stories = 0, stories = 0, score_micro = 0 "
        f"WHERE entity_id = '*' AND topic = 'legal' AND bucket = '{NOON + timedelta(minutes=5)}'",
    )

    assert found_in(revised)[0] == "trend * / legal / 2024-05-06T12:05Z / m1: documents is 0, recounted 1"


def test_a_document_that_was_taken_out_without_a_takedown_is_named(revised: Engine):
    """Sums and rows are consistent; only the ledger knows that nobody asked for it."""
    damage(
        revised,
        f"DELETE FROM documents WHERE document_id = '{id_of('after')}'",
        f"UPDATE document_keys SET withdrawn_at = now() WHERE document_id = '{id_of('after')}'",
        f"UPDATE trend_counts SET documents = documents - 1, stories = stories - 1, negative = negative - 1, "
        f"negative_stories = negative_stories - 1, score_micro = score_micro + 750000 "
        f"WHERE entity_id = '*' AND topic = '*' AND bucket = '{NOON}'",
    )

    assert found_in(revised) == ["the ledger says 10 documents were stored and 2 retracted, 7 ids are counted"]


def test_a_takedown_whose_document_is_still_stored_is_named(revised: Engine):
    damage(revised, f"UPDATE document_keys SET withdrawn_at = '{NOON}' WHERE document_id = '{id_of(5)}'")

    lines = found_in(revised)

    assert lines[0] == (
        f"document {id_of(5)} from documents.raw/0 offset 5: taken down at 2024-05-06T12:00:00Z, but stored"
    )
    assert "the ledger says 10 documents were stored and 2 retracted, 7 ids are counted" in lines


def test_an_outcome_that_was_changed_into_another_is_named(revised: Engine):
    damage(revised, "UPDATE ledger SET corrected = corrected - 1, superseded = superseded + 1 WHERE partition = 0")

    assert found_in(revised) == [
        "the ledger says 1 documents were corrected and 2 retracted, but 4 withdrawn versions are kept and 0 dropped "
        "by retention"
    ]


def test_outcomes_that_do_not_add_up_are_named_with_the_revisions_among_them(revised: Engine):
    damage(revised, "UPDATE ledger SET superseded = superseded + 1 WHERE partition = 0")

    assert found_in(revised) == [
        "ledger documents.raw/0: stored 7 + repeated 1 + dead 1 + corrected 2 + retracted 2 + superseded 2 = 15, "
        "but 14 offsets have an outcome"
    ]


def test_a_withdrawn_version_that_is_gone_or_was_made_up_is_named(revised: Engine):
    damage(revised, f"UPDATE withdrawn_documents SET raw_offset = 70 WHERE document_id = '{id_of(3)}'")

    assert found_in(revised) == [
        f"document {id_of(3)} from documents.raw/0 offset 70: withdrawn, but the ledger has no outcome for that offset"
    ]
    damage(revised, f"DELETE FROM withdrawn_documents WHERE document_id = '{id_of(3)}'")
    assert found_in(revised) == [
        "the ledger says 2 documents were corrected and 2 retracted, but 3 withdrawn versions are kept and 0 dropped "
        "by retention"
    ]


def test_after_retention_revised_books_still_add_up(revised: Engine):
    """What was dropped can be neither corrected nor taken down any more: nobody knows what it had added."""
    assert drop_before(revised, (NOON + timedelta(days=1)).date()) == 5
    assert found_in(revised) == []

    told = an_ingest(revised).scored([a_correction(5, 14), a_retraction(5, 15), a_retraction(10, 16)], [])

    assert (told.corrected, told.superseded, told.retracted) == (0, 2, 1)
    assert audit(revised, None, {(RAW, 0): (0, 17), (RAW, 1): (0, 3)}).differences == []
    assert audit(revised, None, {(RAW, 0): (0, 17)}).figures["withdrawn_documents"] == 1


def test_a_dead_letter_that_is_gone_is_named(books: Engine):
    damage(books, "DELETE FROM dead_letters")

    assert found(books) == ["ledger documents.raw/0: dead 1, but 0 dead letters are kept"]


def test_a_dead_letter_that_the_ledger_does_not_know_is_named(books: Engine):
    damage(books, 'UPDATE dead_letters SET "offset" = 70')

    assert found(books) == [
        "dead letter documents.raw/0 offset 70: kept, but the ledger has no outcome for that offset"
    ]


def test_a_value_changed_in_redis_is_named_with_both_figures(books: Engine, hot: HotWindows, redis_client: redis.Redis):
    [field] = redis_client.hkeys("yuqing:hot:acme:*")[:1]
    value = redis_client.hget("yuqing:hot:acme:*", field)
    redis_client.hset("yuqing:hot:acme:*", field, value.replace(b'"negative":1', b'"negative":7'))

    [line] = found(books, hot)

    assert line.startswith("hot row acme / * / 2024-05-06T12:0")
    assert line.endswith("negative is 7 in Redis and 1 in PostgreSQL")


def test_a_row_lost_from_redis_is_named(books: Engine, hot: HotWindows, redis_client: redis.Redis):
    redis_client.delete("yuqing:hot:acme:legal")

    lines = found(books, hot)

    assert len(lines) == 6
    assert lines[0] == "hot row acme / legal / 2024-05-06T12:00Z / m1: missing from Redis"


def test_of_many_differences_the_first_are_named_and_the_others_counted(books: Engine):
    damage(books, "UPDATE trend_counts SET documents = documents + 1")

    lines = found(books)

    assert len(lines) == 11
    assert lines[-1] == "... and 17 more like the last"


def test_after_retention_the_books_still_add_up_and_late_damage_is_still_found(books: Engine):
    assert drop_before(books, (NOON + timedelta(days=1)).date()) == 6
    with books.connect() as connection:
        assert kept_from(connection) == NOON.replace(hour=0) + timedelta(days=1)
    assert found(books) == []
    assert audit(books, None, ENDS).figures["documents_dropped"] == 6

    damage(books, f"UPDATE trend_counts SET documents = 5 WHERE bucket = '{NOON + timedelta(days=1)}'")

    assert found(books) == ["trend * / * / 2024-05-07T12:00Z / m1: documents is 5, recounted 1"]


def test_retention_again_drops_nothing_and_what_comes_late_is_counted_and_dropped_next_time(books: Engine):
    day = (NOON + timedelta(days=1)).date()
    drop_before(books, day)
    assert drop_before(books, day) == 0
    assert an_ingest(books).scored([a_document(0, 8), a_document("late", 9)], []).fresh == 1, "an old id is still known"
    ends = {**ENDS, (RAW, 0): (0, 10)}
    assert audit(books, None, ends).ok

    assert drop_before(books, day) == 1
    assert audit(books, None, ends).ok
