"""Stories: what was told once, with the reprints that repeat it folded away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Uuid

from storage.document_search import FoundDocument, Place, Wanted, search

__all__ = ["Reprint", "Story", "stories"]

_REPRINTS_WITHIN: Final = timedelta(days=7)
"""A story is remembered for some days (intake.story_days, 3): a reprint comes no later."""

_MOST_REPRINTS: Final = 20


@dataclass(frozen=True, slots=True)
class Reprint:
    """A document that repeats a story."""

    document_id: UUID
    published_at: datetime
    source: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Story:
    """A document that began a story, how many repeat it, and the first of those."""

    first: FoundDocument
    reprint_count: int
    reprints: tuple[Reprint, ...]


def stories(connection: Connection, wanted: Wanted, *, most: int, after: Place | None = None) -> list[Story]:
    """At most `most` stories, newest first, that fulfil the conditions; `wanted.novelty` must be new."""
    firsts = search(connection, wanted, most=most, after=after)
    if not firsts:
        return []
    given = {
        "stories": [first.story_id for first in firsts],
        "since": min(first.published_at for first in firsts),
        "until": max(first.published_at for first in firsts) + _REPRINTS_WITHIN,
        "most": _MOST_REPRINTS,
    }
    counts: dict[UUID, int] = {}
    found: dict[UUID, list[Reprint]] = {}
    for row in connection.execute(_REPRINTS, given):
        counts[row.story_id] = row.reprints
        found.setdefault(row.story_id, []).append(
            Reprint(row.document_id, row.published_at, row.source, row.title, row.url)
        )
    return [Story(first, counts.get(first.story_id, 0), tuple(found.get(first.story_id, ()))) for first in firsts]


_REPRINTS = text(
    """
    SELECT * FROM (
        SELECT story_id, document_id, published_at, source, title, url,
               count(*) OVER (PARTITION BY story_id) AS reprints,
               row_number() OVER (PARTITION BY story_id ORDER BY published_at, document_id) AS place
        FROM documents
        WHERE story_id = ANY(:stories) AND novelty <> 'new' AND published_at >= :since AND published_at < :until
    ) numbered
    WHERE place <= :most ORDER BY story_id, place
    """
).bindparams(
    bindparam("stories", type_=ARRAY(Uuid)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)
