"""What the broker had no longer when it was to be booked is noted once, and counts until somebody knows of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from book_records import DEAD, NOON, RAW, SCORED, a_document
from books import an_ingest, scalar
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from storage.audit import audit, in_flight
from storage.errors import PositionError
from storage.ingest import ReadTo
from storage.losses import Loss, Noted, acknowledge, lost, noted, record

AT = NOON + timedelta(seconds=1)
"""The first moment that the clock of `an_ingest` tells."""


def known(database: Engine, *, acknowledged: bool = False) -> list[Noted]:
    with database.connect() as connection:
        return noted(connection, acknowledged=acknowledged)


def missed(database: Engine, firsts: dict[int, int]) -> list[Loss]:
    with database.connect() as connection:
        return lost(connection, {(RAW, partition): (first, first) for partition, first in firsts.items()})


def test_records_that_are_passed_over_are_noted_and_the_position_moves_behind_them(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([], [ReadTo(SCORED, 1, 5)])

    ingest.lose(SCORED, 1, 5, 9)

    [one] = known(database)
    assert one.loss == Loss(SCORED, 1, 5, 9)
    assert one.noticed_at == AT + timedelta(seconds=1)
    assert (one.acknowledged_at, one.actor, one.reason) == (None, "", "")
    assert scalar(database, "SELECT next_offset FROM positions") == 9
    assert scalar(database, "SELECT event_time FROM positions") is None
    assert scalar(database, "SELECT updated_at FROM positions") == AT + timedelta(seconds=1)


def test_where_the_books_stand_elsewhere_nothing_is_noted_nor_passed_over(database: Engine):
    """Else what lies between would be neither booked nor called lost."""
    ingest = an_ingest(database)
    ingest.scored([], [ReadTo(SCORED, 0, 3)])

    with pytest.raises(PositionError, match="read again"):
        ingest.lose(SCORED, 0, 5, 9)

    assert known(database) == []
    assert scalar(database, "SELECT next_offset FROM positions") == 3


def test_of_what_is_noticed_again_only_the_rest_is_new(database: Engine):
    told = REGISTRY.get_sample_value
    before = told("yuqing_noted_losses_total", {"topic": RAW}) or 0
    with database.begin() as connection:
        assert record(connection, [Loss(RAW, 1, 0, 3), Loss(RAW, 0, 4, 6)], now=NOON) == [
            Loss(RAW, 0, 4, 6),
            Loss(RAW, 1, 0, 3),
        ]
    with database.begin() as connection:
        again = record(connection, [Loss(RAW, 0, 2, 9), Loss(RAW, 1, 0, 3)], now=NOON + timedelta(hours=1))

    assert again == [Loss(RAW, 0, 2, 4), Loss(RAW, 0, 6, 9)]
    assert [one.loss for one in known(database)] == [
        Loss(RAW, 0, 2, 4),
        Loss(RAW, 0, 4, 6),
        Loss(RAW, 0, 6, 9),
        Loss(RAW, 1, 0, 3),
    ]
    assert known(database)[1].noticed_at == NOON, "it was noticed then, and is no younger for being seen again"
    assert told("yuqing_noted_losses_total", {"topic": RAW}) == before + 10


def test_a_loss_counts_until_it_is_acknowledged_by_somebody_with_a_reason(database: Engine):
    with database.begin() as connection:
        record(connection, [Loss(RAW, 0, 0, 4), Loss(RAW, 0, 6, 7), Loss(RAW, 1, 0, 4), Loss(DEAD, 0, 0, 4)], now=NOON)
    later = NOON + timedelta(hours=2)

    with database.begin() as connection:
        assert acknowledge(connection, [Loss(RAW, 0, 0, 4)], actor="ann", reason="disk full", now=later) == 4

    left = [Loss(DEAD, 0, 0, 4), Loss(RAW, 0, 6, 7), Loss(RAW, 1, 0, 4)]
    assert [one.loss for one in known(database)] == left, "sorted by topic, partition and place; no other has changed"
    with database.connect() as connection:
        assert [one.loss for one in noted(connection)] == left, "acknowledged ones are told to those who ask for them"
    assert known(database, acknowledged=True)[1] == Noted(Loss(RAW, 0, 0, 4), NOON, later, "ann", "disk full")
    assert len(known(database, acknowledged=True)) == 4
    with database.begin() as connection:
        every = [one.loss for one in known(database, acknowledged=True)]
        assert acknowledge(connection, every, actor="bob", reason="too", now=later) == 9, "the second is known already"
    assert known(database, acknowledged=True)[1].actor == "ann"
    assert missed(database, {0: 7, 1: 4}) == [Loss(RAW, 0, 4, 6)], "that was never noted, so nobody knows of it"


def test_of_incoming_topics_whatever_the_broker_has_dropped_without_an_outcome_is_lost(database: Engine):
    an_ingest(database).scored([a_document(n, n) for n in (0, 1, 4)], [])

    assert missed(database, {1: 2, 0: 7}) == [Loss(RAW, 0, 2, 4), Loss(RAW, 0, 5, 7), Loss(RAW, 1, 0, 2)]
    an_ingest(database).scored([a_document("late", 2)], [])
    assert missed(database, {0: 7}) == [Loss(RAW, 0, 3, 4), Loss(RAW, 0, 5, 7)], "its outcome came after all"


def test_the_audit_names_what_is_lost_until_it_is_acknowledged_and_then_counts_it(database: Engine):
    an_ingest(database).scored([a_document(n, n) for n in (3, 4)], [])
    ends = {(RAW, 0): (3, 5)}

    report = audit(database, None, ends)
    assert report.differences == [
        f"{RAW}/0 offsets 0-2: lost, 3 records left the broker before they were counted (see `yuqing losses`)"
    ]
    with database.begin() as connection:
        [one] = record(connection, [Loss(RAW, 0, 0, 3)], now=NOON)
        acknowledge(connection, [one], actor="ann", reason="known", now=NOON)
    report = audit(database, None, ends)
    assert report.ok
    assert report.figures["losses_acknowledged"] == 3


def test_a_loss_reads_as_its_place():
    assert str(Loss(RAW, 2, 7, 8)) == "documents.raw/2 offsets 7"
    assert str(Loss(RAW, 2, 7, 10)) == "documents.raw/2 offsets 7-9"
    assert Loss(RAW, 2, 7, 10).records == 3


def test_what_is_on_its_way_is_what_has_no_outcome_and_what_is_unread(database: Engine):
    an_ingest(database).scored([a_document(0, 0)], [ReadTo(SCORED, 0, 1)])

    assert in_flight(database, {(RAW, 0): (0, 1)}, {(SCORED, 0): (0, 1)}) == []
    assert in_flight(database, {(RAW, 0): (0, 2)}, {(SCORED, 0): (0, 3)}) == [
        f"{RAW}/0: no outcome for offsets 1",
        f"{SCORED}/0: read up to 1, but the broker has 2 more (end 3)",
    ]
