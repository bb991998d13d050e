"""The documents in a pushed body: all are good, or the request is refused with every fault named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from stream.documents import RawDocument, encode, named_id
from stream.sources.errors import RequestRefusedError
from stream.times import read_time
from stream.topics import LARGEST_RAW_BYTES

__all__ = ["JSON", "JSON_LINES", "parse_documents"]

JSON = ("application/json",)
JSON_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")

_NAMED_FAULTS = 20
"""A client that gets the field wrong gets it wrong in every line: this many tell it."""
_LARGEST_DOCUMENT = LARGEST_RAW_BYTES - 1024 * 1024
_any = msgspec.json.Decoder()


def parse_documents(body: bytes, content_type: str, *, max_documents: int, fetched_at: datetime) -> list[RawDocument]:
    """The documents of a body: JSON (an object, or an array of them) or JSON lines, by its content type.

    `fetched_at` is for documents that do not tell when they were fetched. Raises RequestRefusedError: 415 for
    another type, 400 for what is no JSON, 413 for too many, 422 for JSON that is no document; each names the line
    or the element, counting from 1.
    """
    values = list(_values(body, content_type, max_documents))
    if not values:
        raise RequestRefusedError(400, "Empty body", 'Send a document, such as {"source": "...", "title": "..."}.')
    documents, faults = [], []
    for place, value in values:
        try:
            documents.append(_document(value, fetched_at))
        except (msgspec.ValidationError, ValueError) as error:
            faults.append({**place, "problem": str(error), "fix": _fix(error)})
    if faults:
        raise RequestRefusedError(
            422, "Not documents", f"{len(faults):,} of {len(values):,} are no documents; nothing was taken.",
            problems=faults[:_NAMED_FAULTS],
        )  # fmt: skip
    return documents


def _values(body: bytes, content_type: str, most: int) -> Iterator[tuple[dict[str, int], Any]]:
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    charset = parameters.lower().replace('"', "").partition("charset=")[2].split(";")[0].strip()
    if kind not in JSON + JSON_LINES or charset not in ("", "utf-8", "utf8"):
        wanted = f"{JSON[0]} or {JSON_LINES[0]}, in UTF-8"
        raise RequestRefusedError(
            415, "Unsupported content type", f"{content_type[:80] or 'no type'} is not read here; send {wanted}."
        )
    if kind in JSON_LINES:
        yield from _lines(body, most)
        return
    value = _decode(body, {}) if body.strip() else []
    values = value if isinstance(value, list) else [value]
    if len(values) > most:
        raise _too_many(most)
    for number, each in enumerate(values, 1):
        yield ({"element": number} if isinstance(value, list) else {}), each


def _lines(body: bytes, most: int) -> Iterator[tuple[dict[str, int], Any]]:
    taken = 0
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            taken += 1
            if taken > most:
                raise _too_many(most)
            yield {"line": number}, _decode(line, {"line": number})


def _decode(text: bytes, place: dict[str, int]) -> Any:
    try:
        return _any.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        where = f"line {place['line']}" if place else "the body"
        fix = "send UTF-8 JSON; for several documents, JSON lines with one whole object on each line"
        raise RequestRefusedError(
            400, "Not JSON", f"Of {where}: {error}. Nothing was taken.",
            problems=[{**place, "problem": str(error), "fix": fix}],
        ) from error  # fmt: skip


def _document(value: Any, fetched_at: datetime) -> RawDocument:
    document = msgspec.convert(value, RawDocument)
    if not document.source.strip():
        raise ValueError("source is empty")
    _check_revision(document)
    if not (document.takes_down or document.title.strip() or document.body.strip()):
        raise ValueError("there is neither a title nor a body")
    if document.fetched_at is None:
        document = msgspec.structs.replace(document, fetched_at=fetched_at)
    if len(encode(document)) > _LARGEST_DOCUMENT:
        raise ValueError(f"it is larger than {_LARGEST_DOCUMENT:,} bytes")
    return document


def _check_revision(document: RawDocument) -> None:
    """What intake would replace or bury downstream is said here, to whoever can mend it."""
    if document.revised_at.strip() and read_time(document.revised_at) is None:
        raise ValueError("revised_at is no time")
    if document.retracts and named_id(document.retracts) is None:
        raise ValueError("retracts is no document id")
    if document.takes_down and not any(text.strip() for text in (document.retracts, document.guid, document.url)):
        raise ValueError("it takes nothing down: there is no guid, url or retracts")


def _fix(error: Exception) -> str:
    text = str(error)
    if "takes nothing down" in text:
        return "name the document as it was sent: its source and guid, or url; or give its id in retracts"
    if "retracts" in text:
        return "write retracts as the UUID that the document got when it was taken"
    if "retracted" in text:
        return "write retracted as true, or leave it out"
    if "revised_at" in text:
        return "write revised_at as RFC 3339, such as 2026-01-31T08:00:00Z; without it the first version stays"
    if "source" in text:
        return "name the site in source, a text"
    if "title nor" in text:
        return "give a title or a body"
    if "larger" in text:
        return "cut the body"
    if "fetched_at" in text:
        return "write fetched_at as RFC 3339, such as 2026-01-31T08:00:00Z, or leave it out"
    return "send an object whose fields are texts: source, url, guid, title, body, published_at, language"


def _too_many(most: int) -> RequestRefusedError:
    return RequestRefusedError(413, "Too many documents", f"At most {most:,} are taken at once; send several requests.")
