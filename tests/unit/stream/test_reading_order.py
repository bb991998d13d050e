"""Whatever Faust hands over (skipped, doubled, in an old order), what is booked has no gap and no repetition."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from stream.reading_order import ReadingOrder

PARTITION = ("documents.scored", 0)


@dataclass(frozen=True)
class Record:
    offset: int
    partition: int = 0
    topic: str = "documents.scored"


def at(*offsets: int) -> list[Record]:
    return [Record(offset) for offset in offsets]


def order(start: int = 0) -> ReadingOrder:
    reading = ReadingOrder()
    reading.assigned({PARTITION: start})
    return reading


def test_before_an_assignment_nothing_is_ours() -> None:
    reading = ReadingOrder()
    assert reading.reached() == {}
    assert reading.expected(PARTITION) is None
    assert reading.sort(at(0)).passed_over == {PARTITION}


def test_an_order_tells_where_each_partition_of_ours_is_and_nobody_can_move_it_by_that() -> None:
    reading = order(5)
    told = reading.reached()
    assert told == {PARTITION: 5}
    told[PARTITION] = 99
    assert reading.expected(PARTITION) == 5


def test_records_in_sequence_are_next() -> None:
    told = order(5).sort(at(5, 6, 7))
    assert told.next == at(5, 6, 7)
    assert told.ends == {PARTITION: 8}
    assert not told.passed_over


def test_redelivered_records_are_seen() -> None:
    reading = order(5)
    assert reading.sort(at(3, 4, 5, 5)).seen == at(3, 4, 5)


def test_a_record_that_comes_too_early_sends_us_back() -> None:
    told = order(5).sort(at(5, 8, 9))
    assert told.next == at(5)
    assert told.passed_over == {PARTITION}


def test_a_record_of_a_partition_that_is_not_ours_is_not_booked() -> None:
    told = order(5).sort([Record(5, partition=1)])
    assert not told.next
    assert told.passed_over == {("documents.scored", 1)}


def test_nothing_moves_on_before_it_is_booked() -> None:
    reading = order(5)
    assert reading.sort(at(5)).next == reading.sort(at(5)).next == at(5)
    reading.booked({PARTITION: 6})
    assert reading.sort(at(5)).seen == at(5)


def test_booking_late_does_not_bring_back_a_partition_that_was_taken_away() -> None:
    reading = order(5)
    reading.assigned({})
    reading.booked({PARTITION: 6})
    assert reading.expected(PARTITION) is None


def test_booking_late_does_not_move_a_partition_back() -> None:
    reading = order(9)
    reading.booked({PARTITION: 6})
    assert reading.expected(PARTITION) == 9


def test_what_retention_took_is_skipped_when_told() -> None:
    reading = order(0)
    reading.skip_to(PARTITION, 100)
    assert reading.sort(at(100)).next == at(100)


@given(batches=st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=30))
def test_whatever_comes_the_booked_offsets_are_consecutive(batches: list[list[int]]) -> None:
    reading = order(0)
    booked: list[int] = []
    for batch in batches:
        told = reading.sort(at(*batch))
        booked += [record.offset for record in told.next]
        reading.booked(told.ends)
    assert booked == list(range(len(booked)))
