"""A record of the log as both Kafka clients' records have it, and what the books say of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from storage.records import DeadLetter, Origin, Retraction, ScoredDocument
from stream.reading_order import Placed

__all__ = ["Entry", "LogRecord", "place_of", "time_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class LogRecord(Placed, Protocol):
    """A record of `documents.scored` or `documents.dead`, as aiokafka gives it. `timestamp` is in milliseconds."""

    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Any: ...


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record that was read: its place in the log, and what is to be booked for it."""

    topic: str
    partition: int
    offset: int
    outcome: ScoredDocument | Retraction | DeadLetter


def place_of(record: LogRecord) -> Origin:
    """Where in the log a record lies."""
    return Origin(topic=record.topic, partition=record.partition, offset=record.offset)


def time_of(record: LogRecord) -> datetime:
    """A record's timestamp, aware UTC."""
    return _EPOCH + record.timestamp * _MILLISECOND
