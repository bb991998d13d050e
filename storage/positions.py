"""How far each partition of documents.scored and documents.dead was read, in the transaction that booked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor

from storage.records import ScoredDocument

__all__ = ["ReadTo", "event_times", "expect", "move"]


@dataclass(frozen=True, order=True)
class ReadTo:
    """A partition of documents.scored or documents.dead and the first offset of it that was not read yet."""

    topic: str
    partition: int
    next_offset: int


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
    """Notes partitions of documents.scored that are about to be read for the first time; others stay as they are.

    Until one brings a document, or is idle, nothing is complete: its first one may be older than all others.
    """
    cursor.executemany(_EXPECT, [(place.topic, place.partition, place.next_offset, now) for place in sorted(read)])


def move(cursor: Cursor[Any], read: Sequence[ReadTo], times: Mapping[ReadTo, datetime], *, now: datetime) -> None:
    """Moves positions forward, never back, in sorted order."""
    if read:
        cursor.executemany(
            _MOVE,
            [(place.topic, place.partition, place.next_offset, times.get(place), now) for place in sorted(read)],
        )


_MOVE = """
INSERT INTO positions AS held (topic, partition, next_offset, event_time, updated_at)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (topic, partition) DO UPDATE SET
    next_offset = greatest(held.next_offset, excluded.next_offset),
    event_time = greatest(held.event_time, excluded.event_time),
    updated_at = greatest(held.updated_at, excluded.updated_at)
"""

_EXPECT = """
INSERT INTO positions (topic, partition, next_offset, event_time, updated_at)
VALUES (%s, %s, %s, '-infinity', %s)
ON CONFLICT DO NOTHING
"""
