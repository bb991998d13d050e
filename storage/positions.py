"""How far each partition of documents.scored and documents.dead was read, in the transaction that booked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor

from storage.errors import PositionError
from storage.records import ScoredDocument

__all__ = ["ReadTo", "event_times", "expect", "move"]


@dataclass(frozen=True, order=True)
class ReadTo:
    """A partition of documents.scored or documents.dead and the first offset of it that was not read yet.

    `first_offset` is where the records read began: the position must stand there, or the records in between would
    never be booked. 0 stands for any place.
    """

    topic: str
    partition: int
    next_offset: int
    first_offset: int = 0


def event_times(batch: Sequence[ScoredDocument], read: Sequence[ReadTo]) -> dict[ReadTo, datetime]:
    """The newest publication time that the batch brought from each partition read; nothing where it brought none.

    A scored record lies in the partition of the same number as its raw record. Documents of any other partition
    (the topics then have different partition counts) count for every partition read.
    """
    newest: dict[int, datetime] = {}
    for document in batch:
        held = newest.get(document.origin.partition)
        if held is None or document.published_at > held:
            newest[document.origin.partition] = document.published_at
    numbers = {place.partition for place in read}
    strays = [time for partition, time in newest.items() if partition not in numbers]
    times = {}
    for place in read:
        candidates = [newest[place.partition], *strays] if place.partition in newest else strays
        if candidates:
            times[place] = max(candidates)
    return times


def expect(cursor: Cursor[Any], read: Sequence[ReadTo], *, now: datetime) -> None:
    """Notes partitions of documents.scored that are about to be read; where they stand stays as it is.

    Until one brings a document, or has been silent from now on, nothing is complete: its first one may be older than
    all others, and so may the next one of a partition that nobody read for a while.
    """
    cursor.executemany(_EXPECT, [(place.topic, place.partition, place.next_offset, now) for place in sorted(read)])


def move(cursor: Cursor[Any], read: Sequence[ReadTo], times: Mapping[ReadTo, datetime], *, now: datetime) -> None:
    """Moves positions forward, never back, in sorted order.

    Raises PositionError where a position stands before what was read: the books are older than the reader thinks,
    because a standby that had missed the last commits took over, or a backup was put back.
    """
    if not read:
        return
    rows = [(*_place(place), place.next_offset, times.get(place), now, *_begin(place)) for place in sorted(read)]
    cursor.executemany(_MOVE, rows)
    if cursor.rowcount < len(rows):
        raise PositionError("the books stand before what was read; read again from where they are")


def _place(place: ReadTo) -> tuple[str, int]:
    return place.topic, place.partition


def _begin(place: ReadTo) -> tuple[int, str, int, int]:
    return place.first_offset, *_place(place), place.first_offset


_MOVE = """
INSERT INTO positions AS held (topic, partition, next_offset, event_time, updated_at)
SELECT %s::text, %s::int4, %s::int8, %s::timestamptz, %s::timestamptz
WHERE %s = 0 OR EXISTS (SELECT FROM positions WHERE topic = %s AND partition = %s)
ON CONFLICT (topic, partition) DO UPDATE SET
    next_offset = greatest(held.next_offset, excluded.next_offset),
    event_time = greatest(held.event_time, excluded.event_time),
    updated_at = excluded.updated_at
WHERE held.next_offset >= %s
"""

_EXPECT = """
INSERT INTO positions (topic, partition, next_offset, event_time, updated_at)
VALUES (%s, %s, %s, '-infinity', %s)
ON CONFLICT (topic, partition) DO UPDATE SET updated_at = excluded.updated_at
"""
