"""A dead letter on the wire: the original record, and headers that say what is wrong and whence it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from storage.records import DeadLetter, Origin
from stream.errors import DeadReason

if TYPE_CHECKING:  # the windows stage reads dead records and needs nothing of intake
    from stream.intake import RawRecord

__all__ = ["Headers", "letter_for", "letter_of", "origin_headers", "origin_of", "plain_headers", "wire_headers"]

Headers = tuple[tuple[str, bytes], ...]
Foreign = Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]] | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ORIGIN = ("yuqing-topic", "yuqing-partition", "yuqing-offset", "yuqing-timestamp-ms")
_VERDICT = ("yuqing-reason", "yuqing-detail")


def plain_headers(headers: Foreign) -> Headers:
    """Headers as a Kafka client gives them (None, a mapping or pairs; of text, bytes or None) as pairs of bytes."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return tuple((str(name), _bytes(value)) for name, value in pairs)


def origin_headers(origin: Origin, arrived_at: datetime) -> Headers:
    """The headers that tie a record of ours to the raw record it came from."""
    milliseconds = (arrived_at - _EPOCH) // _MILLISECOND
    told = (origin.topic, origin.partition, origin.offset, milliseconds)
    return tuple((name, str(value).encode()) for name, value in zip(_ORIGIN, told, strict=True))


def origin_of(headers: Headers) -> tuple[Origin, datetime] | None:
    """What `origin_headers` said, or None where it said nothing that makes sense. The last of a name counts."""
    told = dict(headers)
    try:
        topic, partition, offset, milliseconds = (told[name].decode() for name in _ORIGIN)
        place = {"topic": topic, "partition": int(partition), "offset": int(offset)}
        return msgspec.convert(place, Origin), _EPOCH + int(milliseconds) * _MILLISECOND
    except (KeyError, ValueError, OverflowError):
        return None


def letter_for(record: RawRecord, reason: DeadReason, detail: str) -> DeadLetter:
    """The dead letter of a raw record, with its bytes untouched."""
    origin = Origin(topic=record.topic, partition=record.partition, offset=record.offset)
    return _letter(origin, reason, detail, record.key, record.value, record.headers, record.arrived_at)


def wire_headers(letter: DeadLetter) -> Headers:
    """The headers of a record of `documents.dead`: the original ones, then ours."""
    verdict = ((_VERDICT[0], letter.reason.encode()), (_VERDICT[1], letter.detail.encode("utf-8", "replace")))
    return letter.headers + verdict + origin_headers(letter.origin, letter.arrived_at)


def letter_of(
    place: Origin, key: bytes | None, value: bytes | None, headers: Headers, arrived_at: datetime
) -> DeadLetter:
    """Reads a record of `documents.dead` at `place`, whoever wrote it.

    One that is not ours (no headers of ours, or nonsense in them) is kept as a dead letter of its own place.
    """
    ours = len(_VERDICT) + len(_ORIGIN)
    tail = dict(headers[-ours:])
    known = origin_of(headers[-ours:])
    if known is None or tail.keys() != {*_VERDICT, *_ORIGIN}:
        detail = "a record of documents.dead that does not say where it came from"
        return _letter(place, DeadReason.WRONG_SHAPE, detail, key, value, headers, arrived_at)
    reason, detail = (tail[name].decode("utf-8", "replace") for name in _VERDICT)
    return _letter(known[0], reason, detail, key, value, headers[:-ours], known[1])


def _letter(
    origin: Origin,
    reason: str,
    detail: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    arrived_at: datetime,
) -> DeadLetter:
    return DeadLetter(
        origin=origin,
        reason=reason,
        detail=detail,
        key=key,
        value=value or b"",
        headers=tuple(headers),
        arrived_at=arrived_at,
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
