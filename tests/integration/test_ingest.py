"""What one transaction of ingest does, told by what is in the books afterwards."""

from __future__ import annotations

import time
from datetime import timedelta

import psycopg
import pytest
from book_records import (
    DEAD,
    NOON,
    RAW,
    SCORED,
    SteppingClock,
    a_correction,
    a_document,
    a_letter,
    a_mention,
    a_retraction,
)
from books import LATENESS, an_ingest, differences, expected, ledger, scalar, sums, trend_rows
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from storage.dead_letter_rows import find, set_state
from storage.ingest import Ingest, Ingested, ReadTo
from storage.ledger import OUTCOMES
from storage.settlement import Settled, settle
from storage.watermarks import advance, low_watermark


def test_fresh_documents_are_stored_counted_and_returned_as_absolute_rows(database: Engine):
    ingest = an_ingest(database)
    first = [a_document("a", 0, mentions=(a_mention("acme"),), topics=("legal",)), a_document("b", 1, minute=1)]
    second = [a_document("c", 2, mentions=(a_mention("acme"),))]

    one, two = ingest.scored(first, [ReadTo(SCORED, 0, 2)]), ingest.scored(second, [ReadTo(SCORED, 0, 3)])

    assert (one.fresh, two.fresh) == (2, 1)
    assert sums(trend_rows(database)) == expected([*first, *second])
    market, acme = two.trends
    assert (market.entity_id, market.documents, market.revision) == ("*", 2, 2)
    assert (acme.entity_id, acme.documents, acme.revision) == ("acme", 2, 2)
    assert acme in trend_rows(database)
    assert differences(database, {0: 3}) == []


def test_what_a_document_says_is_stored_as_it_was_said(database: Engine):
    document = a_document(
        "中",
        0,
        title='Tab\t, newline\n, back\\slash, "quotes" and {braces}',
        body="银行股大跌 \\. \\N",
        topics=("a,b", 'say "no"', "NULL"),
        flags=("body_cut", "body_cut"),
        mentions=(a_mention('o"dd,\\name'),),
    )

    an_ingest(database).scored([document], [])

    with database.connect() as connection:
        row = connection.execute(text("SELECT * FROM documents")).mappings().one()
        assert connection.execute(text("SELECT entity_id FROM mentions")).scalars().all() == ['o"dd,\\name']
    assert (row["title"], row["body"]) == (document.title, document.body)
    assert row["topics"] == list(document.topics)
    assert row["flags"] == ["body_cut"]
    assert (row["document_id"], row["story_id"]) == (document.document_id, document.story_id)
    assert (row["published_at"], row["arrived_at"]) == (document.published_at, document.arrived_at)
    assert (row["negative"], row["neutral"], row["positive"]) == (0.8, 0.15, 0.05)
    assert differences(database, {0: 1}) == []


def test_a_record_delivered_again_is_ignored_and_a_document_crawled_again_is_repeated(database: Engine):
    ingest = an_ingest(database)
    batch = [a_document("a", 0), a_document("b", 1)]
    ingest.scored(batch, [])
    before = trend_rows(database)

    again = ingest.scored([*batch, a_document("a", 2)], [])

    assert again == Ingested(fresh=0, repeated=1, redelivered=2)
    assert trend_rows(database) == before
    assert ledger(database) == {(RAW, 0): ("{[0,3)}", 2, 1, 0)}


def test_one_batch_may_hold_the_same_record_and_the_same_document_twice(database: Engine):
    twice = a_document("a", 0)

    result = an_ingest(database).scored([twice, twice, a_document("a", 1), a_document("b", 2)], [])

    assert (result.fresh, result.repeated, result.redelivered) == (2, 1, 1)
    assert differences(database, {0: 3}) == []


def test_offsets_that_come_out_of_order_close_up_to_one_range(database: Engine):
    ingest = an_ingest(database)
    for offset in (4, 0, 2):
        ingest.scored([a_document(offset, offset)], [])
    assert ledger(database)[RAW, 0][0] == "{[0,1),[2,3),[4,5)}"

    ingest.scored([a_document(3, 3), a_document(1, 1)], [])

    assert ledger(database)[RAW, 0][0] == "{[0,5)}"


def test_an_old_item_found_again_under_another_date_is_still_the_same_item(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0)], [])

    assert ingest.scored([a_document("a", 1, minute=60 * 24 * 3)], []).repeated == 1
    assert differences(database, {0: 2}) == []


def test_dead_letters_keep_their_bytes_and_count_once(database: Engine):
    ingest = an_ingest(database)
    letter = a_letter(0, value=b"\x00\xff{", headers=(("h", b"\x00"),), detail="null \0 and half \ud83d", key=None)

    first = ingest.dead([letter, letter], [ReadTo(DEAD, 0, 1)])
    again = ingest.dead([letter, a_letter(1)], [ReadTo(DEAD, 0, 2)])

    assert (first.dead, first.redelivered, again.dead, again.redelivered) == (1, 1, 1, 1)
    with database.connect() as connection:
        stored = find(connection, origins=[letter.origin])[0]
    assert (stored.letter.value, stored.letter.key, stored.letter.headers) == (letter.value, None, letter.headers)
    assert stored.letter.detail == r"null \x00 and half \ud83d"
    assert differences(database, {0: 2}) == []


def test_dead_letters_are_found_by_state_and_reason_and_told_what_became_of_them(database: Engine):
    an_ingest(database).dead([a_letter(0), a_letter(1, reason="no_text"), a_letter(2)], [])

    with database.begin() as connection:
        assert set_state(connection, [a_letter(2).origin, a_letter(9).origin], "replayed") == 1
    with database.connect() as connection:
        offsets = [stored.letter.origin.offset for stored in find(connection, state="open", reason="not_json")]
        assert offsets == [0]
        assert [stored.state for stored in find(connection, limit=2)] == ["open", "open"]


def test_a_record_has_one_outcome_even_where_it_was_scored_and_then_called_dead(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0)], [])

    assert ingest.dead([a_letter(0)], []).redelivered == 1
    assert differences(database, {0: 1}) == []


def test_late_documents_are_counted_and_mark_the_row_for_good(database: Engine):
    """At 12:20 with five minutes of lateness, 12:15 is complete; then something of 12:01 arrives."""
    ingest = an_ingest(database)
    ingest.scored([a_document("early", 0, minute=1), a_document("now", 1, minute=20)], [ReadTo(SCORED, 0, 2)])
    assert scalar(database, "SELECT final_until FROM finality") == NOON + timedelta(minutes=15)

    [late] = ingest.scored([a_document("late", 2, minute=1)], [ReadTo(SCORED, 0, 3)]).trends

    assert (late.documents, late.revision, late.revised_after_final) == (2, 2, True)
    states = "SELECT string_agg(state, ' ' ORDER BY bucket) FROM trends"
    assert scalar(database, states) == "final provisional"
    [minute_14] = ingest.scored([a_document("edge", 3, minute=14)], []).trends
    [minute_15] = ingest.scored([a_document("open", 4, minute=15)], []).trends
    assert minute_14.revised_after_final, "a minute that was final while it was empty has been revised, too"
    assert not minute_15.revised_after_final


def test_positions_and_event_times_move_forward_only(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, minute=9)], [ReadTo(SCORED, 0, 10)])
    ingest.scored([a_document("b", 1, minute=2)], [ReadTo(SCORED, 0, 5), ReadTo(SCORED, 1, 7)])

    with database.connect() as connection:
        rows = connection.execute(text("SELECT partition, next_offset, event_time FROM positions ORDER BY 1")).all()
    assert rows == [(0, 10, NOON + timedelta(minutes=9)), (1, 7, None)]


def test_the_watermark_is_the_lowest_partition_and_leaves_silent_ones_aside(database: Engine):
    clock = SteppingClock()
    ingest = Ingest(database, allowed_lateness=LATENESS, clock=clock)
    ingest.scored([a_document("a", 0, partition=0, minute=10)], [ReadTo(SCORED, 0, 1)])
    with database.begin() as connection:  # what partition 0 alone made final would hold for good
        connection.execute(text("UPDATE finality SET final_until = NULL"))
    ingest.scored([a_document("b", 0, partition=1, minute=30)], [ReadTo(SCORED, 1, 1)])
    ingest.dead([a_letter(1, partition=2)], [ReadTo(DEAD, 2, 1)])

    def low(now):
        with database.connect() as connection:
            return low_watermark(connection, now=now, idle_after=timedelta(minutes=1), allowed_lateness=LATENESS)

    assert low(clock.now) == NOON + timedelta(minutes=5)
    assert low(clock.now + timedelta(hours=1)) == NOON + timedelta(minutes=25), "all silent: the newest counts"
    with database.begin() as connection:
        for step in range(10):  # silence counts while somebody looks
            at = clock.now + step * timedelta(seconds=0.5)
            advance(connection, now=at, idle_after=timedelta(seconds=1), allowed_lateness=LATENESS)
    assert low(clock.now) == NOON + timedelta(minutes=25), "what was final stays final"


def test_a_partition_that_is_expected_holds_time_back_until_it_brings_something_or_is_idle(database: Engine):
    clock = SteppingClock()
    ingest = Ingest(database, allowed_lateness=LATENESS, clock=clock)
    ingest.expect([ReadTo(SCORED, 0, 0), ReadTo(SCORED, 1, 0)])
    ingest.scored([a_document("a", 0, partition=0, minute=30)], [ReadTo(SCORED, 0, 1)])

    def low(now):
        with database.connect() as connection:
            return low_watermark(connection, now=now, idle_after=timedelta(minutes=1), allowed_lateness=LATENESS)

    assert low(clock.now) is None, "the first document of partition 1 may be older"
    assert low(clock.now + timedelta(hours=1)) == NOON + timedelta(minutes=25), "silent for an hour: nobody waits"
    ingest.scored([a_document("b", 0, partition=1, minute=10)], [ReadTo(SCORED, 1, 1)])
    ingest.expect([ReadTo(SCORED, 1, 0)])
    assert low(clock.now) == NOON + timedelta(minutes=5), "expected once more, it stands where it stood"


def test_no_watermark_before_anything_was_read(database: Engine):
    with database.begin() as connection:
        arguments = {"now": NOON, "idle_after": timedelta(minutes=1), "allowed_lateness": LATENESS}
        assert advance(connection, **arguments) is None


def test_changed_buckets_are_listed_once_with_how_often_they_were_touched(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, mentions=(a_mention("acme"),), topics=("legal", "credit"))], [])
    ingest.scored([a_document("b", 1)], [])

    with database.connect() as connection:
        rows = connection.execute(text("SELECT entity_id, bucket, touched FROM changed_buckets ORDER BY 1")).all()
    assert rows == [("*", NOON, 2), ("acme", NOON, 1)]


def test_listeners_hear_of_fresh_documents_after_the_commit_and_of_nothing_else(database: Engine, database_url: str):
    ingest = an_ingest(database)
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("LISTEN yuqing_trends")
        ingest.scored([a_document("a", 0)], [])
        assert len(list(listener.notifies(timeout=10, stop_after=1))) == 1
        ingest.scored([a_document("a", 0)], [ReadTo(SCORED, 0, 1)])
        ingest.dead([a_letter(1)], [])
        assert list(listener.notifies(timeout=0)) == []


def test_an_empty_batch_still_moves_the_position(database: Engine):
    assert an_ingest(database).scored([], [ReadTo(SCORED, 3, 8)]) == Ingested()
    assert scalar(database, "SELECT next_offset FROM positions") == 8


def test_the_metrics_count_each_record_by_what_became_of_it_and_each_trend_row(database: Engine):
    def told() -> dict[str, float]:
        of = REGISTRY.get_sample_value
        counts = {one: of("yuqing_ingest_records_total", {"outcome": one}) or 0.0 for one in (*OUTCOMES, "redelivered")}
        return {**counts, "rows": of("yuqing_ingest_trend_rows_total") or 0.0}

    before, ingest = told(), an_ingest(database)
    ingest.scored([a_document("a", 0), a_document("b", 1), a_document("a", 2), a_document("a", 2)], [])
    ingest.scored([a_correction("a", 3), a_correction("a", 4, revised=0.5), a_retraction("b", 5)], [])
    ingest.dead([a_letter(6)], [])

    after = told()
    grown = {one: after[one] - before[one] for one in after}
    assert grown == {
        "stored": 2,
        "repeated": 1,
        "redelivered": 1,
        "corrected": 1,
        "superseded": 1,
        "retracted": 1,
        "dead": 1,
        "rows": 2,
    }


def test_a_batch_of_nothing_settles_to_nothing(database: Engine):
    with database.connect() as connection:
        cursor = connection.connection.driver_connection.cursor()
        assert settle(cursor, []) == Settled((), (), {})


def test_days_are_cut_in_utc_wherever_the_machine_stands(database: Engine, monkeypatch: pytest.MonkeyPatch):
    """In Shanghai it is the next day already."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert an_ingest(database).scored([a_document("a", 0, minute=60 * 8)], []).fresh == 1
    finally:
        monkeypatch.undo()
        time.tzset()
