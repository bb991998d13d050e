"""Reads a record of `documents.scored` back, or says whose outcome it spoils."""

from __future__ import annotations

from datetime import datetime

import msgspec

from storage.records import DeadLetter, Origin, ScoredDocument
from stream.dead_records import Headers, origin_of
from stream.documents import decode_scored
from stream.errors import DeadReason

__all__ = ["read_scored"]


def read_scored(
    place: Origin, key: bytes | None, value: bytes | None, headers: Headers, arrived_at: datetime
) -> ScoredDocument | DeadLetter:
    """The scored document at `place` of `documents.scored`.

    A corrupt one, which should never be, is a dead letter of the raw record that its headers name, so that the
    books still balance; where they name none, of its own place.
    """
    try:
        document = decode_scored(value or b"")
        if document.published_at.tzinfo is None or document.arrived_at.tzinfo is None:
            raise msgspec.ValidationError("a time without zone")
        return document
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        origin, arrived_at = origin_of(headers) or (place, arrived_at)
        return DeadLetter(
            origin=origin,
            reason=DeadReason.CORRUPT_SCORED,
            detail=f"{place.topic}/{place.partition} at {place.offset}: {error}",
            key=key,
            value=value or b"",
            headers=headers,
            arrived_at=arrived_at,
        )
