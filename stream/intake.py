"""From a raw record to a document that the model can score: a list of stages that one can recite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from storage.records import Origin, Retraction
from stream.cleaning import one_line, plain_text
from stream.decoding import decode
from stream.documents import RawDocument, document_id
from stream.entities import EntityLinker, Found
from stream.errors import DeadReason, Unreadable
from stream.language import Language, detect
from stream.limits import Limits
from stream.names import NameFinder
from stream.times import believable

__all__ = ["Intake", "Limits", "RawRecord", "Read", "ReadsRecords", "joined"]

Clock = Callable[[], datetime]

_MOST_SOURCE_CHARS = 500
_MOST_URL_CHARS = 2_000


class RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of `documents.raw` as the broker gave it. `arrived_at` is its append time, aware UTC."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    arrived_at: datetime


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A document ready for the model: plain text, a language, a believable time, the companies it names."""

    document_id: UUID
    origin: Origin
    source: str
    url: str
    title: str
    body: str
    language: Language
    published_at: datetime
    arrived_at: datetime
    revised_at: datetime | None = None
    """When its source made this version; None for a document as it first came."""
    mentions: tuple[Found, ...]
    """Each company once, at the first place that names it, in order of appearance in `text`."""
    names: tuple[str, ...] = ()
    """What may be companies that the watch list does not have, at most `stream.names.MOST_NAMES`."""
    flags: tuple[str, ...]
    """What was mended, sorted: see `stream/decoding.py`, `cleaning.py` and `times.py`."""

    @property
    def text(self) -> str:
        """Title and body as one text, for the model and the story index."""
        return joined(self.title, self.body)


def joined(title: str, body: str) -> str:
    """Title and body with a full stop between them, unless the title closes itself."""
    if not (title and body):
        return title or body
    if title[-1] in ".!?。！？…":
        return f"{title} {body}"
    return f"{title}。{body}" if title[-1] > "\u2e7f" else f"{title}. {body}"


class ReadsRecords(Protocol):
    """Intake, wherever it is done and by whichever watch list."""

    def read_all(self, records: Sequence[RawRecord]) -> list[Read | Retraction | Exception]:
        """Each record read, or why it could not be: Unreadable, or a defect of ours."""


class Intake:
    """Reads raw records. Safe to share between threads: it holds no state but the watch list and words."""

    def __init__(self, linker: EntityLinker, limits: Limits, _clock: Clock | None = None) -> None:
        """The clock is not asked: what a record becomes must not depend on when, or how often, it is read."""
        self._linker = linker
        self._names = NameFinder(linker.lists)
        self._limits = limits

    def read_all(self, records: Sequence[RawRecord]) -> list[Read | Retraction | Exception]:
        """Each record read, or why it could not be: Unreadable, or a defect of ours."""
        return [self._tried(record) for record in records]

    def _tried(self, record: RawRecord) -> Read | Retraction | Exception:
        try:
            return self.read(record)
        except Exception as error:
            return error

    def read(self, record: RawRecord) -> Read | Retraction:
        """Decode, identify, clean, bound the time, tell the language, link to companies, find names: in this order.

        Of a takedown only the id and the times matter. Raises Unreadable with a reason from the closed list, and
        nothing else, whatever the record holds.
        """
        raw, mended = decode(record.value, record.headers, limits=self._limits)
        return self._takedown(record, raw) if raw.takes_down else self._document(record, raw, mended)

    def _takedown(self, record: RawRecord, raw: RawDocument) -> Retraction:
        published_at, _ = believable(raw.published_at, raw.fetched_at, record.arrived_at, self._limits)
        revised_at, _ = believable(raw.revised_at, raw.fetched_at, record.arrived_at, self._limits)
        return Retraction(
            document_id=document_id(raw),
            origin=Origin(topic=record.topic, partition=record.partition, offset=record.offset),
            published_at=published_at,
            arrived_at=record.arrived_at,
            revised_at=revised_at,
        )

    def _document(self, record: RawRecord, raw: RawDocument, mended: Sequence[str]) -> Read:
        identity = document_id(raw)
        title, title_flags = _cleaned(raw.title, self._limits.title_chars, "title_cut")
        body, body_flags = _cleaned(raw.body, self._limits.body_chars, "body_cut")
        if not any(character.isalnum() for character in title + body):
            raise Unreadable(DeadReason.NO_TEXT, "neither title nor body holds a letter or digit once markup is gone")
        source = one_line(raw.source)
        if not source or len(source) > _MOST_SOURCE_CHARS:
            raise Unreadable(DeadReason.WRONG_SHAPE, f"source: {len(source)} characters; 1 to {_MOST_SOURCE_CHARS}")
        url, url_flags = _address(raw.url)
        published_at, time_flags = believable(raw.published_at, raw.fetched_at, record.arrived_at, self._limits)
        revised_at, revision_flags = self._revision(record, raw)
        text = joined(title, body)
        mentions = tuple(self._linker.link(text))
        return Read(
            document_id=identity,
            origin=Origin(topic=record.topic, partition=record.partition, offset=record.offset),
            source=source,
            url=url,
            title=title,
            body=body,
            language=detect(text),
            published_at=published_at,
            arrived_at=record.arrived_at,
            revised_at=revised_at,
            mentions=mentions,
            names=self._names.find(title, body, mentions),
            flags=tuple(sorted({*mended, *title_flags, *body_flags, *url_flags, *time_flags, *revision_flags})),
        )

    def _revision(self, record: RawRecord, raw: RawDocument) -> tuple[datetime | None, tuple[str, ...]]:
        """When a later version was made. A time that cannot be true would decide over all versions to come."""
        if not raw.revised_at.strip():
            return None, ()
        at, replaced = believable(raw.revised_at, raw.fetched_at, record.arrived_at, self._limits)
        return at, ("revision_time_replaced",) if replaced else ()


def _cleaned(text: str, most_chars: int, cut: str) -> tuple[str, set[str]]:
    plain, flags = plain_text(text)
    if len(plain) > most_chars:
        return plain[:most_chars], flags | {cut}
    return plain, flags


def _address(url: str) -> tuple[str, tuple[str, ...]]:
    """The url if a browser may safely follow it (http, https), else none: flag `url_dropped`."""
    plain = one_line(url)
    if not plain:
        return "", ()
    if plain.lower().startswith(("http://", "https://")) and len(plain) <= _MOST_URL_CHARS and " " not in plain:
        return plain, ()
    return "", ("url_dropped",)
