"""Cursors: the key of the last item of a page, packed so that clients need not look inside.

They are not signed. A cursor only says where to go on in a list that its bearer may read from the start.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from alerts.api.problems import ProblemError

__all__ = ["Key", "pack", "pack_text", "unpack", "unpack_text"]

_BASE: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """Where a list goes on that is ordered by time and id."""

    at: datetime
    id: UUID


class _Packed(msgspec.Struct, array_like=True):
    micros: int
    id: UUID


def pack(at: datetime, id: UUID) -> str:
    """A cursor behind this item."""
    return _encode(msgspec.msgpack.encode(_Packed((at - _BASE) // timedelta(microseconds=1), id)))


def unpack(cursor: str) -> Key | None:
    """The inverse; None for no cursor. Raises ProblemError (400) for what `pack` has not made."""
    if not cursor:
        return None
    try:
        packed = msgspec.msgpack.decode(_decode(cursor), type=_Packed)
        return Key(_BASE + timedelta(microseconds=packed.micros), packed.id)
    except (msgspec.DecodeError, OverflowError) as error:
        raise _refused() from error


def pack_text(key: str) -> str:
    """A cursor behind the item with this key, in a list that is ordered by a text."""
    return _encode(key.encode())


def unpack_text(cursor: str) -> str:
    """The inverse; an empty text, which is before all others, for no cursor. Raises ProblemError (400)."""
    try:
        text = _decode(cursor).decode()
    except UnicodeDecodeError as error:
        raise _refused() from error
    if "\0" in text:
        raise _refused()
    return text


def _encode(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(cursor: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except binascii.Error as error:
        raise _refused() from error


def _refused() -> ProblemError:
    return ProblemError(400, "This is no cursor", "Give `next` of the page before, or leave `cursor` out.")
