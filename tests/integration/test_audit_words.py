"""What the audit says, to the letter, and that the stream may go on while it looks."""

from __future__ import annotations

import pytest
from book_records import RAW, SCORED, a_document, a_letter
from books import an_ingest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from storage.audit import audit
from storage.ingest import ReadTo


def test_every_gap_of_a_partition_is_named(database: Engine):
    an_ingest(database).scored([a_document(n, n) for n in (0, 2, 3, 7)], [])

    assert audit(database, None, {(RAW, 0): (0, 8)}).differences == [f"{RAW}/0: no outcome for offsets 1, 4-6"]


def test_of_many_gaps_the_first_ten_are_named_and_the_others_counted(database: Engine):
    an_ingest(database).scored([a_document(n, 2 * n) for n in range(13)], [])

    [line] = audit(database, None, {(RAW, 0): (0, 26)}).differences
    assert line == f"{RAW}/0: no outcome for offsets 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 3 more ranges"
    missing, invented = audit(database, None, {(RAW, 0): (0, 20)}).differences
    assert missing == f"{RAW}/0: no outcome for offsets 1, 3, 5, 7, 9, 11, 13, 15, 17, 19"
    assert invented == f"{RAW}/0: outcomes for offsets 20, 22, 24, which the broker does not have"


def test_ten_differences_are_all_named(database: Engine):
    read = [ReadTo(SCORED, partition, 1) for partition in range(10)]
    an_ingest(database).scored([], read)

    lines = audit(database, None, {}, {(SCORED, partition): (0, 2) for partition in range(10)}).differences
    assert len(lines) == 10
    assert lines[9] == f"{SCORED}/9: read up to 1, but the broker has 1 more (end 2)"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("stored = 2", "stored 2 + repeated 0 + dead 0 = 2"),
        ("stored = 0", "stored 0 + repeated 0 + dead 0 = 0"),
        ("dead = 1", "stored 1 + repeated 0 + dead 1 = 2"),
        ("corrected = 1", "stored 1 + repeated 0 + dead 0 + corrected 1 = 2"),
        ("superseded = 1", "stored 1 + repeated 0 + dead 0 + superseded 1 = 2"),
    ],
)
def test_a_ledger_row_is_told_with_its_outcomes_and_of_revisions_only_those_it_has(
    database: Engine, damage: str, said: str
):
    an_ingest(database).scored([a_document(0, 0)], [])
    with database.begin() as connection:
        connection.execute(text(f"UPDATE ledger SET {damage}"))

    lines = audit(database, None, {(RAW, 0): (0, 1)}).differences
    assert lines[0] == f"ledger {RAW}/0: {said}, but 1 offsets have an outcome"


def test_what_arrives_while_the_audit_looks_is_neither_missing_nor_invented(database: Engine):
    """It sees the books as they were when it began; the broker is asked again for what has come since."""
    ingest = an_ingest(database)
    ingest.scored([a_document(0, 0)], [])
    asked = []

    def now():
        asked.append("the broker")
        ingest.scored([a_document(1, 1)], [])
        ingest.dead([a_letter(2)], [])
        return {(RAW, 0): (0, 3)}

    report = audit(database, None, {(RAW, 0): (0, 1)}, raw_offsets_now=now)

    assert report.differences == []
    assert asked == ["the broker"]
    assert (report.figures["accounted"], report.figures["documents"], report.figures["dead_letters"]) == (1, 1, 0)


def test_outcomes_booked_since_the_broker_was_asked_are_invented_unless_it_is_asked_again(database: Engine):
    an_ingest(database).scored([a_document(n, n) for n in range(2)], [])
    asked_early = {(RAW, 0): (0, 1)}

    assert audit(database, None, asked_early).differences == [
        f"{RAW}/0: outcomes for offsets 1, which the broker does not have"
    ]
    assert audit(database, None, asked_early, raw_offsets_now=lambda: {(RAW, 0): (0, 2)}).ok


def test_an_audit_is_noted_with_its_figures(database: Engine):
    an_ingest(database).scored([a_document(0, 0)], [])

    with capture_logs() as logs:
        audit(database, None, {(RAW, 0): (0, 2)})

    [noted] = logs
    assert (noted["event"], noted["log_level"], noted["differences"]) == ("audited", "info", 1)
    assert (noted["raw_records"], noted["accounted"], noted["stored"]) == (2, 1, 1)
