"""Scores stored documents again, a chunk a transaction, beside the stream: each document once for each version.

    before  read a chunk of documents that the version has not scored, and score them          (no lock is held)
    1       lock their ids: a correction, a takedown or an erasure comes before or after, not between
    2       put the new scores on record, of those that are stored still and unscored
    3       add what they change to the sums of the version; commit

What if we die here? Before the commit of 3 nothing of the chunk exists, and it is read and scored again. After it, its
documents are on record and passed over. So does a second process that scores the same range at the same time: of two
that put the same document on record one waits for the other, and adds nothing for it.

Locks are taken in the order of `storage/ingest.py`: document_keys, rescored_documents, rescored_counts; then others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from sqlalchemy import Connection, Engine, text

from storage import rescored_rows, rescored_sums
from storage.driver import transaction
from storage.partitions import stored_days
from storage.records import Mention, Origin, ScoredDocument
from storage.rescored_sums import Rescored

__all__ = ["Place", "Range", "book", "days", "places", "read", "unscored"]

Place = tuple[datetime, UUID]
"""Where a document lies: its publication and its id."""


@dataclass(frozen=True)
class Range:
    """What was published in [since, until), aware UTC, and the model version that is to score it."""

    version: str
    since: datetime
    until: datetime


def unscored(connection: Connection, wanted: Range) -> int:
    """How many stored documents of the range the version has scored neither when they came nor since.

    Those whose text was erased are left out: there is nothing to read, and they keep their first scores.
    """
    return int(connection.execute(_COUNT, _given(wanted)).scalar_one())


def days(connection: Connection, wanted: Range) -> list[Range]:
    """The range by UTC days, those that have documents: a day is what can be looked through at once."""
    stored = (datetime.combine(day, time.min, UTC) for day in stored_days(connection))
    cut = [(max(wanted.since, day), min(wanted.until, day + timedelta(days=1))) for day in stored]
    return [replace(wanted, since=since, until=until) for since, until in cut if since < until]


def places(connection: Connection, wanted: Range) -> list[Place]:
    """Where these documents lie, by publication and id; some 100 bytes each, so ask by the day."""
    return [(row.published_at, row.document_id) for row in connection.execute(_PLACES, _given(wanted))]


def read(engine: Engine, places: Sequence[Place]) -> list[ScoredDocument]:
    """The documents at these places of one day, in their order, as they were first scored; those that are still stored.

    Mentions come in the order in which the text names them: that in which a model is asked about them.
    """
    given = {"ids": [document_id for _, document_id in places], "first": places[0][0], "last": places[-1][0]}
    with transaction(engine) as (_, driver), driver.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_READ, given).fetchall()
        mentions: dict[UUID, list[Mention]] = {}
        for row in cursor.execute(_MENTIONS, given).fetchall():
            mentions.setdefault(row.pop("document_id"), []).append(Mention(**row))
    return [_document(row, mentions.get(row["document_id"], [])) for row in rows]


def book(engine: Engine, documents: Sequence[Rescored], *, now: datetime) -> int:
    """Steps 1 to 3, for documents that one version has scored; returns how many of them were booked by this call."""
    if not documents:
        return 0
    version = documents[0].again.model_version
    with transaction(engine) as (_, driver):
        cursor = driver.cursor()
        cursor.execute(_LOCK, (sorted(one.first.document_id for one in documents),))
        readable = {document_id for (document_id,) in cursor}
        kept = rescored_rows.keep(
            cursor, [one.again for one in documents if one.again.document_id in readable], now=now
        )
        rescored_sums.add(cursor, version, [one for one in documents if one.first.origin in kept], now=now)
    return len(kept)


def _document(row: dict[str, Any], mentions: Sequence[Mention]) -> ScoredDocument:
    origin = Origin(topic=row.pop("raw_topic"), partition=row.pop("raw_partition"), offset=row.pop("raw_offset"))
    written = f"{row['title']}\n{row['body']}"
    in_order = sorted(mentions, key=lambda one: (written.find(one.surface), one.entity_id))
    row |= {"topics": tuple(row["topics"]), "flags": tuple(row["flags"])}
    return ScoredDocument(**row, origin=origin, mentions=tuple(in_order))


def _given(wanted: Range) -> dict[str, Any]:
    return {"version": wanted.version, "since": wanted.since, "until": wanted.until}


# An erased document keeps the scores of the text that it had.
_UNSCORED = """
FROM documents d
WHERE d.published_at >= :since AND d.published_at < :until AND d.model_version <> :version
  AND NOT EXISTS (
      SELECT FROM rescored_documents r
      WHERE (r.raw_topic, r.raw_partition, r.raw_offset) = (d.raw_topic, d.raw_partition, d.raw_offset)
        AND r.version = :version
  )
  AND NOT EXISTS (SELECT FROM document_keys k WHERE k.document_id = d.document_id AND k.erased_at IS NOT NULL)
"""
_COUNT = text(f"SELECT count(*) {_UNSCORED}")
_PLACES = text(f"SELECT d.published_at, d.document_id {_UNSCORED} ORDER BY 1, 2")

_READ = """
SELECT document_id, published_at, arrived_at, source, url, title, body, language, story_id, novelty,
       sentiment, negative, neutral, positive, score_micro, topics, flags, model_version,
       raw_topic, raw_partition, raw_offset
FROM documents
WHERE published_at >= %(first)s AND published_at <= %(last)s AND document_id = ANY(%(ids)s)
ORDER BY published_at, document_id
"""

# All of the day's mentions are looked through: their index begins with the company.
_MENTIONS = """
SELECT document_id, entity_id, surface, sentiment, score_micro FROM mentions
WHERE published_at >= %(first)s AND published_at <= %(last)s AND document_id = ANY(%(ids)s)
"""

_LOCK = """
SELECT document_id FROM document_keys
WHERE document_id = ANY(%s) AND withdrawn_at IS NULL AND erased_at IS NULL
ORDER BY document_id
FOR SHARE
"""
