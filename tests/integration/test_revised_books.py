"""What a correction and a takedown do to the books, and what they leave alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from book_records import NOON, SCORED, SteppingClock, a_correction, a_document, a_mention, a_retraction
from books import LATENESS, an_ingest, as_of, counted, differences, expected, revisions, scalar, sums, trend_rows
from sqlalchemy import Engine, text

from storage.hot_windows import HotWindows
from storage.ingest import Ingest, Ingested, ReadTo
from storage.search_index import index_waiting
from storage.trend_sums import Key, Sums
from storage.trends import minute_series

ACME = (a_mention("acme"),)
NEVER = Sums(0, 0, 0, 0, 0, 0, 0)


def on_the_list(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT entity_id FROM changed_buckets ORDER BY 1")).scalars().all()
        connection.execute(text("DELETE FROM changed_buckets"))
    return list(rows)


def test_a_correction_takes_out_what_the_old_version_added_and_adds_what_the_new_one_says(database: Engine):
    ingest = an_ingest(database)
    other = a_document("other", 0, mentions=ACME)
    old = a_document("a", 1, mentions=(*ACME, a_mention("bolt")), topics=("legal",), model_version="m1")
    new = a_correction("a", 2, mentions=(a_mention("acme", "positive", 9),), sentiment="positive", model_version="m2")
    ingest.scored([other, old], [])

    told = ingest.scored([new], [])

    assert (told.corrected, told.fresh) == (1, 0)
    assert counted(trend_rows(database)) == expected([other, new])
    rows = sums(trend_rows(database))
    assert rows[Key("bolt", "*", NOON, "m1")] == rows[Key("acme", "legal", NOON, "m1")] == NEVER
    assert all(row.revision == 2 for row in told.trends if row.model_version == "m1")
    assert {(row.entity_id, row.model_version) for row in told.trends} >= {("acme", "m2"), ("bolt", "m1")}
    assert differences(database, {0: 3}) == []


def test_a_correction_that_changes_no_number_writes_no_trend_row(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, mentions=ACME)], [])
    before = trend_rows(database)

    told = ingest.scored([a_correction("a", 1, mentions=ACME, title="A comma, mended")], [])

    assert told == Ingested(corrected=1)
    assert trend_rows(database) == before
    assert scalar(database, "SELECT title FROM documents") == "A comma, mended"
    assert on_the_list(database) == ["*", "acme"], "as the first version left it"


def test_a_correction_of_a_text_that_was_erased_is_not_taken_in(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0), a_document("b", 1)], [])
    with database.begin() as connection:
        erased = {"id": a_document("a", 0).document_id, "now": NOON}
        connection.execute(text("UPDATE document_keys SET erased_at = :now WHERE document_id = :id"), erased)

    told = ingest.scored([a_correction("a", 2), a_correction("b", 3)], [])

    assert told == Ingested(superseded=1, corrected=1)


def test_a_correction_may_move_a_document_to_another_day(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, mentions=ACME)], [])

    moved = a_correction("a", 1, minute=60 * 24 * 3, mentions=ACME)
    ingest.scored([moved], [])

    assert counted(trend_rows(database)) == expected([moved])
    assert scalar(database, "SELECT count(*) FROM documents") == scalar(database, "SELECT count(*) FROM mentions") == 1
    assert differences(database, {0: 2}) == []


def test_what_was_taken_down_leaves_numbers_that_say_nothing_and_no_text(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, mentions=ACME, topics=("legal",))], [])
    index_waiting(database)

    told = ingest.scored([a_retraction("a", 1)], [])

    assert told.retracted == 1
    assert set(sums(trend_rows(database)).values()) == {NEVER}
    for table in ("documents", "mentions", "document_terms", "trends", "trends_1h", "bad_news", "coverage"):
        assert scalar(database, f"SELECT count(*) FROM {table}") == 0, table
    kept = scalar(database, "SELECT withdrawn_documents::text FROM withdrawn_documents")
    assert "Acme" not in kept, "the words that named a company are text as well"
    assert "Item" not in kept
    with database.connect() as connection:
        assert minute_series(connection, "acme", NOON, NOON + timedelta(days=1)) == []


def test_a_takedown_that_comes_first_keeps_its_document_from_ever_counting(database: Engine):
    ingest = an_ingest(database)

    told = [
        ingest.scored([one], [])
        for one in (a_retraction("a", 0), a_document("a", 1), a_correction("a", 2, revised=0.5))
    ]

    assert [(one.superseded, one.repeated) for one in told] == [(1, 0), (0, 1), (1, 0)]
    assert trend_rows(database) == []
    assert differences(database, {0: 3}) == []


def test_the_trends_as_of_a_moment_know_nothing_of_what_came_later(database: Engine):
    clock = SteppingClock()
    ingest = Ingest(database, allowed_lateness=LATENESS, clock=clock)
    story, mended = a_document("a", 0, mentions=ACME), a_correction("a", 1, sentiment="neutral", mentions=ACME)
    ingest.scored([story], [])
    first = clock.now
    ingest.scored([mended], [])
    second = clock.now
    ingest.scored([a_retraction("a", 2, revised=2)], [])

    assert as_of(database, first) == expected([story])
    assert as_of(database, second) == expected([mended])
    assert as_of(database, clock.now) == {}
    assert revisions(database) == (1, 1, 0)


def test_a_correction_of_a_final_minute_marks_it_for_good(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, minute=1), a_document("now", 1, minute=20)], [ReadTo(SCORED, 0, 2)])

    (row,) = ingest.scored([a_retraction("a", 2)], []).trends

    assert (row.documents, row.revision, row.revised_after_final) == (0, 2, True)


def test_a_takedown_moves_no_watermark(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0, minute=20)], [ReadTo(SCORED, 0, 1)])
    far = a_retraction("b", 1, published_at=NOON + timedelta(days=9))

    ingest.scored([far], [ReadTo(SCORED, 0, 2)])

    assert scalar(database, "SELECT final_until FROM finality") == NOON + timedelta(minutes=15)
    assert scalar(database, "SELECT next_offset FROM positions") == 2


def test_reprints_of_a_story_whose_first_telling_was_taken_down_stay_reprints(database: Engine):
    """What each document added is what is taken out: a reprint added a document and no story."""
    ingest = an_ingest(database)
    first = a_document("first", 0)
    ingest.scored([first, a_document("reprint", 1, novelty="reprint", story_id=first.document_id)], [])

    ingest.scored([a_retraction("first", 2)], [])

    (row,) = trend_rows(database)
    assert (row.documents, row.stories, row.negative_stories) == (1, 0, 0)
    assert differences(database, {0: 3}) == []


def test_what_only_became_less_is_not_judged_again(database: Engine):
    """A count that fell can raise no alarm, and one that was raised is not taken back. Other words may, by a rule."""
    ingest = an_ingest(database)
    ingest.scored([a_document(n, n, mentions=(a_mention(f"company-{n}"),)) for n in range(3)], [])
    assert on_the_list(database) == ["*", "company-0", "company-1", "company-2"]

    ingest.scored([a_retraction(0, 3)], [])
    assert on_the_list(database) == []
    ingest.scored([a_correction(1, 4, sentiment="neutral", mentions=(a_mention("company-1", "neutral"),))], [])
    assert on_the_list(database) == ["*", "company-1"], "it has other words, less bad as it is"
    ingest.scored([a_correction(2, 5, mentions=(a_mention("company-2"), a_mention("company-9")))], [])
    assert on_the_list(database) == ["*", "company-2", "company-9"]


def test_an_alert_still_shows_a_document_that_was_taken_down_since_and_says_so(database: Engine):
    ingest = an_ingest(database)
    kept, gone = a_document("kept", 0), a_document("gone", 1)
    ingest.scored([kept, gone], [])
    with database.begin() as connection:
        connection.execute(
            text(
                """
                INSERT INTO alerts (alert_id, entity_id, detector, status, severity, first_bucket, last_bucket,
                                    horizon_s, observed, expected, p_value, evidence, opened_at, updated_at)
                VALUES (gen_random_uuid(), 'acme', 'surge', 'firing', 'high', now(), now(), 900, 15, 0.5, 1e-9,
                        jsonb_build_object('documents', jsonb_build_array(
                            jsonb_build_object('document_id', CAST(:kept AS text), 'title', 'Kept'),
                            jsonb_build_object('document_id', CAST(:gone AS text), 'title', 'Gone'))), now(), now())
                """
            ),
            {"kept": str(kept.document_id), "gone": str(gone.document_id)},
        )

    ingest.scored([a_retraction("gone", 2)], [])

    with database.connect() as connection:
        connection.execute(text("SET LOCAL ROLE yuqing_reader"))
        rows = connection.execute(text("SELECT title, withdrawn_at IS NOT NULL FROM alert_documents ORDER BY 1")).all()
    assert rows == [("Gone", True), ("Kept", False)]


def test_a_correction_that_cannot_be_stored_leaves_the_old_version_in_force(database: Engine):
    ingest = an_ingest(database)
    old = a_document("a", 0, mentions=ACME)
    ingest.scored([old], [])

    told = ingest.scored([a_document("b", 1), a_correction("a", 2, body="half \ud83d")], [])

    assert (told.fresh, told.dead, told.corrected) == (1, 1, 0)
    assert counted(trend_rows(database)) == expected([old, a_document("b", 1)])
    assert differences(database, {0: 3}) == []


@pytest.mark.parametrize("lost", [False, True])
def test_the_hot_rows_agree_after_corrections_and_takedowns(database: Engine, redis_client: redis.Redis, lost: bool):
    hot, ingest = HotWindows(redis_client), an_ingest(database)
    batches = [
        [a_document(n, n, minute=n, mentions=ACME) for n in range(6)],
        [a_correction(n, 6 + n, minute=n, sentiment="neutral", mentions=ACME) for n in range(3)],
        [a_retraction(n, 9 + n, revised=2) for n in range(2, 6)],
    ]
    rows = [ingest.scored(batch, []).trends for batch in batches]
    for each in reversed(rows):
        hot.set(each)
    if lost:
        redis_client.flushdb()
        hot.rebuild(database)

    assert hot.mismatches(database) == []
    newest = hot.read("acme", since=NOON)[-1]
    assert (newest.documents, newest.revision) == (0, 2)
    assert newest.mean_score != newest.mean_score, "not a number: there is nothing to take the mean of"
