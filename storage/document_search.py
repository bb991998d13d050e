"""Finds stored documents, newest first: by their words, by company, by what the model said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.types import DateTime

from storage.partitions import stored_days
from storage.search_terms import CONFIGURATION, queried

__all__ = ["EXCERPT_CHARS", "FoundDocument", "Place", "Wanted", "find_document", "search"]

EXCERPT_CHARS = 600

_FIRST_SPAN = timedelta(days=1)
_GROWTH = 3
"""The days that are looked through grow by this factor until a page is full: most pages need the newest day only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; an empty string or None is no condition. Times bound published_at: [since, until)."""

    words: str = ""
    entity_id: str = ""
    sentiment: str = ""
    language: str = ""
    source: str = ""
    novelty: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Place(NamedTuple):
    """Behind which document a page begins; the order is by publication and id, both descending."""

    published_at: datetime
    document_id: UUID


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document without its whole body. Text is untrusted. `score` is P(positive) - P(negative), -1 to 1."""

    document_id: UUID
    published_at: datetime
    arrived_at: datetime
    source: str
    url: str
    title: str
    text: str
    language: str
    story_id: UUID
    novelty: str
    sentiment: str
    score: float
    topics: tuple[str, ...]
    model_version: str
    entities: tuple[str, ...]


def search(connection: Connection, wanted: Wanted, *, most: int, after: Place | None = None) -> list[FoundDocument]:
    """At most `most` documents behind `after`, newest first; their text is cut to `EXCERPT_CHARS`.

    Words are found once `search_index` has taken the document in, other conditions at once.
    """
    query = _QUERY.format(text=f"left(d.body, {EXCERPT_CHARS})", joins=_joins(wanted), where=_where(wanted, after))
    statement = text(query).bindparams(
        bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True))
    )
    phrase, alone = queried(wanted.words)
    given: dict[str, Any] = {"phrase": phrase, "alone": alone}
    given |= {name: getattr(wanted, name) for name in ("entity_id", "sentiment", "language", "source", "novelty")}
    if after is not None:
        given |= {"after_at": after.published_at, "after_id": after.document_id}
    found: list[FoundDocument] = []
    for since, until in _spans(connection, wanted, after):
        span = {"since": since, "until": until, "most": most - len(found)}
        found += [_document(row) for row in connection.execute(statement, given | span)]
        if len(found) == most:
            break
    return found


def find_document(connection: Connection, document_id: UUID) -> FoundDocument | None:
    """One document with its whole text; None where it is not stored, or no longer."""
    key = text("SELECT published_at FROM document_keys WHERE document_id = :id")
    published_at = connection.execute(key, {"id": document_id}).scalar()
    if published_at is None:
        return None
    query = _QUERY.format(text="d.body", joins="", where="AND d.document_id = :id")
    span = {"since": published_at, "until": published_at + timedelta(microseconds=1)}
    row = connection.execute(text(query), span | {"id": document_id, "most": 1}).one_or_none()
    return _document(row) if row else None


_QUERY = """
SELECT d.document_id, d.published_at, d.arrived_at, d.source, d.url, d.title, {text} AS text, d.language, d.story_id,
       d.novelty, d.sentiment, d.score_micro / 1e6 AS score, d.topics, d.model_version,
       ARRAY(SELECT n.entity_id FROM mentions n
             WHERE n.document_id = d.document_id AND n.published_at = d.published_at ORDER BY n.entity_id) AS entities
FROM documents d {joins}
WHERE d.published_at >= :since AND d.published_at < :until {where}
ORDER BY d.published_at DESC, d.document_id DESC
LIMIT :most
"""

_NAMING = "JOIN mentions m ON m.document_id = d.document_id AND m.published_at = d.published_at"
_WORDED = "JOIN document_terms t ON t.document_id = d.document_id AND t.published_at = d.published_at"
# The same bounds again for each joined table, so that its other partitions are not even looked at.
_WITHIN = "AND {table}.published_at >= :since AND {table}.published_at < :until"


def _joins(wanted: Wanted) -> str:
    return f"{_NAMING if wanted.entity_id else ''} {_WORDED if wanted.words else ''}"


def _where(wanted: Wanted, after: Place | None) -> str:
    columns = ("sentiment", "language", "source", "novelty")
    parts = [f"AND d.{column} = :{column}" for column in columns if getattr(wanted, column)]
    if wanted.entity_id:
        parts += [_WITHIN.format(table="m"), "AND m.entity_id = :entity_id"]
    phrase, alone = queried(wanted.words)
    if wanted.words:
        parts.append(_WITHIN.format(table="t"))
        if phrase or not alone:
            parts.append(f"AND t.terms @@ websearch_to_tsquery('{CONFIGURATION}', :phrase)")
        if alone:
            parts.append("AND t.terms @@ to_tsquery('simple', :alone)")
    if after is not None:
        parts.append("AND (d.published_at, d.document_id) < (:after_at, :after_id)")
    return "\n  ".join(parts)


def _spans(connection: Connection, wanted: Wanted, after: Place | None) -> Iterator[tuple[datetime, datetime]]:
    """Stretches of time, newest first, that together cover what is stored and wanted."""
    days = stored_days(connection)
    if not days:
        return
    first, last = (datetime.combine(day, time.min, UTC) for day in (days[0], days[-1]))
    since = max(filter(None, (first, wanted.since)))
    until = min(filter(None, (last + timedelta(days=1), wanted.until)))
    if after is not None:
        until = min(until, after.published_at + timedelta(microseconds=1))
    span = _FIRST_SPAN
    while since < until:
        start = max(since, until - span)
        yield start, until
        until, span = start, span * _GROWTH


def _document(row: Row[Any]) -> FoundDocument:
    values = dict(row._mapping)
    return FoundDocument(**values | {"topics": tuple(row.topics), "entities": tuple(row.entities)})
