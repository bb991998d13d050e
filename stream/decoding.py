"""Bytes from the broker to a `RawDocument`: inflate, read as text, read as JSON, check the shape.

Flags it may set: `encoding_mended` (was not clean UTF-8), `body_cut`, `title_cut`.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable

import msgspec

from stream.documents import RawDocument, named_id
from stream.encodings import as_text
from stream.errors import DeadReason, Unreadable
from stream.limits import Limits
from stream.times import read_time

__all__ = ["Limits", "decode"]

_GZIP_MAGIC = b"\x1f\x8b"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Wire(msgspec.Struct, frozen=True):
    """What crawlers really send: nulls for absent text, numbers for times. Unknown fields are passed over."""

    source: str
    url: str | None = None
    guid: str | None = None
    title: str | None = None
    body: str | None = None
    published_at: str | int | float | None = None
    fetched_at: str | int | float | None = None
    language: str | None = None
    revised_at: str | int | float | None = None
    retracted: bool | None = None
    retracts: str | None = None


_decoder = msgspec.json.Decoder(_Wire)


def decode(
    value: bytes | None, headers: Iterable[tuple[str, bytes]] = (), *, limits: Limits
) -> tuple[RawDocument, tuple[str, ...]]:
    """Reads one record; gives the document and what was mended.

    Raises Unreadable (too_large, decompression_bomb, not_utf8, not_json, wrong_shape), and nothing else,
    whatever the bytes. `headers` matter for `content-encoding` only (`gzip`; gzip bytes are known without it).
    """
    if value is None:
        raise Unreadable(DeadReason.NOT_JSON, "the record has no value")
    if len(value) > limits.record_bytes:
        raise Unreadable(DeadReason.TOO_LARGE, f"{len(value)} bytes; the limit is {limits.record_bytes}")
    text, mended = as_text(_inflated(value, headers, limits.json_bytes))
    wire = _wire(text)
    if not wire.source.strip():
        raise Unreadable(DeadReason.WRONG_SHAPE, "source is empty: name the feed or site that the item came from")
    flags = ["encoding_mended"] if mended else []
    title, body = wire.title or "", wire.body or ""
    if len(title) > limits.raw_chars:
        title = title[: limits.raw_chars]
        flags.append("title_cut")
    if len(body) > limits.raw_chars:
        body = body[: limits.raw_chars]
        flags.append("body_cut")
    document = RawDocument(
        source=wire.source,
        url=wire.url or "",
        guid=wire.guid or "",
        title=title,
        body=body,
        published_at=_time_text(wire.published_at),
        fetched_at=read_time(_time_text(wire.fetched_at)),
        language=wire.language or "",
        revised_at=_time_text(wire.revised_at),
        retracted=wire.retracted or False,
        retracts=wire.retracts or "",
    )
    _check_takedown(document)
    return document, tuple(flags)


def _check_takedown(document: RawDocument) -> None:
    """A takedown must say of what, or it would take down another document, or none."""
    if document.retracts and named_id(document.retracts) is None:
        raise Unreadable(DeadReason.WRONG_SHAPE, "retracts is no document id; it is a UUID, as documents have it")
    names = (document.retracts, document.guid, document.url, document.title, document.body)
    if document.takes_down and not any(name.strip() for name in names):
        detail = "a takedown that names no document: give the guid or url that it had, or its id in retracts"
        raise Unreadable(DeadReason.WRONG_SHAPE, detail)


def _time_text(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _inflated(value: bytes, headers: Iterable[tuple[str, bytes]], limit: int) -> bytes:
    """The record's bytes, ungzipped if they are gzip; never makes more than `limit` bytes."""
    encoding = next((v for k, v in headers if k.lower() == "content-encoding"), b"").strip().lower()
    if encoding not in (b"", b"gzip", b"x-gzip", b"identity"):
        name = encoding[:20].decode("ascii", "backslashreplace")
        raise Unreadable(DeadReason.WRONG_SHAPE, f"content-encoding {name!r} is not read here: send gzip or none")
    if not value.startswith(_GZIP_MAGIC):
        return value
    inflated, rest = bytearray(), value
    while rest.startswith(_GZIP_MAGIC):
        member = zlib.decompressobj(wbits=31)
        try:
            inflated += member.decompress(rest, limit + 1 - len(inflated))
        except zlib.error as error:
            raise Unreadable(DeadReason.NOT_JSON, f"broken gzip: {error}") from None
        if len(inflated) > limit:
            raise Unreadable(DeadReason.DECOMPRESSION_BOMB, f"{len(value)} bytes inflate beyond {limit}")
        if not member.eof:
            raise Unreadable(DeadReason.NOT_JSON, "broken gzip: the end is missing")
        rest = member.unused_data
    return bytes(inflated)


def _wire(text: str) -> _Wire:
    """JSON text to the wire struct; a lone surrogate (half an emoji, cut by a crawler) is read as "?"."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise Unreadable(DeadReason.WRONG_SHAPE, str(error)) from None
    except RecursionError:
        raise Unreadable(DeadReason.WRONG_SHAPE, "nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        if not _SURROGATE.search(text):
            raise Unreadable(DeadReason.NOT_JSON, str(error)) from None
    try:
        whole = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")
        return _decoder.decode(whole)
    except msgspec.ValidationError as error:
        raise Unreadable(DeadReason.WRONG_SHAPE, str(error)) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Unreadable(DeadReason.NOT_JSON, str(error)) from None
