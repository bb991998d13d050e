"""Which partition of documents.scored reached which event time."""

from __future__ import annotations

from datetime import timedelta

from book_records import NOON, SCORED, a_document

from storage.positions import ReadTo, event_times

FIRST, SECOND = ReadTo(SCORED, 0, 10), ReadTo(SCORED, 1, 20)


def at(minute: float):
    return NOON + timedelta(minutes=minute)


def test_each_partition_reaches_the_newest_time_of_its_own_documents():
    batch = [
        a_document("a", 0, partition=0, minute=5),
        a_document("b", 1, partition=0, minute=3),
        a_document("c", 0, partition=1, minute=1),
    ]

    assert event_times(batch, [FIRST, SECOND]) == {FIRST: at(5), SECOND: at(1)}


def test_a_partition_that_brought_nothing_tells_nothing():
    assert event_times([a_document("a", 0, partition=0)], [FIRST, SECOND]) == {FIRST: at(0)}
    assert event_times([], [FIRST]) == {}


def test_documents_of_a_raw_partition_with_another_number_count_for_all_that_was_read():
    batch = [a_document("a", 0, partition=5, minute=2), a_document("b", 0, partition=1, minute=1)]

    assert event_times(batch, [FIRST, SECOND]) == {FIRST: at(2), SECOND: at(2)}
