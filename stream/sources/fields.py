"""From a crawler's record to a document, whatever it calls its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from stream.documents import RawDocument
from stream.sources.errors import FieldError, SourceOptionsError

__all__ = ["DEFAULT_FIELDS", "FieldMap"]

DEFAULT_FIELDS: Mapping[str, Sequence[str]] = {
    "source": ("source", "site", "feed"),
    "url": ("url", "link"),
    "guid": ("guid",),  # not "id": in many files that is the row number, which names no item
    "title": ("title", "headline"),
    "body": ("body", "content", "text", "description", "summary"),
    "published_at": ("published_at", "date_published", "published", "pubDate", "date"),
    "language": ("language", "lang"),
    "revised_at": ("revised_at",),  # not "updated": feeds move that for a comma, and say nothing of what changed
    "retracted": ("retracted",),
    "retracts": ("retracts",),
}
"""For each field of a document, the names that are tried, best first."""

_NOTHING = frozenset({"n/a"})
"""What crawlers write where they found nothing, in lower case."""

_TRUTH = "retracted"
"""The one field that is no text."""

_TRUTHS: Mapping[bool | str, bool] = {True: True, False: False, "true": True, "false": False, "": False}

_SHORT = 16
"""Longer texts are not looked at for that: a replay asks a million times."""


class FieldMap:
    """Maps records to documents. For each field the first of its names that holds something counts."""

    def __init__(self, names: Mapping[str, Sequence[str] | str] | None = None) -> None:
        """`names` replaces the default names of the fields it mentions. Raises SourceOptionsError for others."""
        unknown = sorted(set(names or {}) - set(DEFAULT_FIELDS))
        if unknown:
            known = ", ".join(DEFAULT_FIELDS)
            raise SourceOptionsError(f"fields: a document has no field {', '.join(unknown)}. There are: {known}.")
        chosen = {**DEFAULT_FIELDS, **(names or {})}
        self._names = {field: (given,) if isinstance(given, str) else tuple(given) for field, given in chosen.items()}

    def document(self, record: Mapping[str, Any], *, source: str, fetched_at: datetime) -> RawDocument:
        """The document of a record; `source` is for records that name none.

        Numbers and dates become text, null and "N/A" count as absent. Raises FieldError where a field is
        neither, such as a list, and where `retracted` is anything but true or false.
        """
        found = {field: self._value(record, names) for field, names in self._names.items() if field != _TRUTH}
        found["source"] = found["source"] or source
        return RawDocument(fetched_at=fetched_at, retracted=self._truth(record), **found)

    def _truth(self, record: Mapping[str, Any]) -> bool:
        for name in self._names[_TRUTH]:
            value = record.get(name)
            if value is None:
                continue
            if not isinstance(value, bool | str) or value not in _TRUTHS:
                raise FieldError(f"{name} is neither true nor false")
            return _TRUTHS[value]
        return False

    @staticmethod
    def _value(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
        for name in names:
            value = record.get(name)
            if value is None:
                continue
            text = value if isinstance(value, str) else _text(name, value)
            if text and not text.isspace() and (len(text) > _SHORT or text.strip().lower() not in _NOTHING):
                return text if text.isascii() else _whole(text)
        return ""


def _whole(text: str) -> str:
    """Half an emoji, cut by a crawler, is no character and cannot be published: it becomes "?"."""
    return text.encode("utf-8", "replace").decode()


def _text(name: str, value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise FieldError(f"{name} is a {type(value).__name__}, not a text")
