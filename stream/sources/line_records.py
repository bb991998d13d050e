"""From a line of a file to the record that is published for it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from stream.documents import document_id, encode
from stream.sources.errors import FieldError
from stream.sources.fields import FieldMap
from stream.sources.lines import Line
from stream.sources.source import Clock
from stream.topics import LARGEST_RAW_BYTES

__all__ = ["LARGEST_LINE_BYTES", "LineRecords", "Outgoing"]

LARGEST_LINE_BYTES = LARGEST_RAW_BYTES - 1024 * 1024
"""What still fits a record, with room for its envelope. A longer line is published cut, and dies downstream."""

_CUT_BYTES = 64 * 1024
_json = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish. `published_at` is the document's own text, empty where there is none."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    published_at: str = ""
    bad: bool = False


class LineRecords:
    """Maps lines to documents. What is no document goes out as it is, for the dead letters to keep and explain."""

    def __init__(self, fields: FieldMap, *, source: str, clock: Clock) -> None:
        """`source` is for lines that name none."""
        self._fields = fields
        self._source = source
        self._clock = clock

    def record(self, line: Line) -> Outgoing:
        """The record of a line. Never fails."""
        if line.size > LARGEST_LINE_BYTES:
            length = str(line.size).encode()
            return Outgoing(None, line.content[:_CUT_BYTES], (("yuqing-cut-from-bytes", length),), bad=True)
        try:
            read = _json.decode(line.content)
            if not isinstance(read, dict):
                raise FieldError(f"a {type(read).__name__}, not an object")
            document = self._fields.document(read, source=self._source, fetched_at=self._clock())
            value = encode(document)
            key = str(document_id(document)).encode()
        except (msgspec.MsgspecError, FieldError, UnicodeError, RecursionError):
            return Outgoing(None, line.content, bad=True)
        return Outgoing(key, value, published_at=document.published_at)
