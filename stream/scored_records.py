"""Reads a record of `documents.scored` back, or says whose outcome it spoils."""

from __future__ import annotations

import msgspec

from storage.records import DeadLetter, Retraction, ScoredDocument
from stream.dead_records import origin_of, plain_headers
from stream.documents import decode_scored
from stream.errors import DeadReason
from stream.log_records import LogRecord, place_of, time_of

__all__ = ["read_scored"]


def read_scored(record: LogRecord) -> ScoredDocument | Retraction | DeadLetter:
    """The scored document or takedown that a record of `documents.scored` holds.

    A corrupt one, which should never be, is a dead letter of the raw record that its headers name, so that the
    books still balance; where they name none, of its own place.
    """
    try:
        document = decode_scored(record.value or b"")
        revised_at = document.revised_at or document.arrived_at
        if document.published_at.tzinfo is None or document.arrived_at.tzinfo is None or revised_at.tzinfo is None:
            raise msgspec.ValidationError("a time without zone")
        return document
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _corrupt(record, error)


def _corrupt(record: LogRecord, error: Exception) -> DeadLetter:
    place, headers = place_of(record), plain_headers(record.headers)
    origin, arrived_at = origin_of(headers) or (place, time_of(record))
    return DeadLetter(
        origin=origin,
        reason=DeadReason.CORRUPT_SCORED,
        detail=f"{place.topic}/{place.partition} at {place.offset}: {error}",
        key=record.key,
        value=record.value or b"",
        headers=headers,
        arrived_at=arrived_at,
    )
