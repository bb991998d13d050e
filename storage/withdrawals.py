"""Takes versions of documents out of the books: their rows go, what they had added stays on record, without text.

Kept is what the sums of a past moment need (`trends_as_of`), and nothing that could be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from storage.partitions import by_day
from storage.records import Mention, Origin, ScoredDocument

__all__ = ["Counted", "keep", "take_out"]


class Counted(NamedTuple):
    """A version that counted, and since when."""

    document: ScoredDocument
    ingested_at: datetime


def take_out(cursor: Cursor[Any], published: Mapping[UUID, datetime]) -> list[Counted]:
    """Deletes these documents, by id and publication, with what was made of them; returns them without text.

    The caller holds the locks of their ids. A day's mentions are read through once, however many documents of it go.
    """
    taken: list[Counted] = []
    with cursor.connection.cursor(row_factory=dict_row) as rows:
        for since, until, ids in by_day(published):
            given = {"since": since, "until": until, "ids": ids}
            documents = rows.execute(_DOCUMENTS, given).fetchall()
            mentions: dict[UUID, list[Mention]] = {}
            for row in rows.execute(_MENTIONS, given).fetchall():
                mentions.setdefault(row.pop("document_id"), []).append(Mention(**row))
            rows.execute(_TERMS, given)
            taken += [_counted(row, mentions.get(row["document_id"], [])) for row in documents]
    return taken


def keep(cursor: Cursor[Any], versions: Sequence[Counted], *, now: datetime) -> None:
    """Puts versions on record as withdrawn at `now`."""
    with cursor.copy(_KEEP) as rows:
        rows.set_types(_KEPT_TYPES)
        for one, ingested_at in versions:
            rows.write_row(
                (
                    one.document_id,
                    one.published_at,
                    one.arrived_at,
                    ingested_at,
                    max(now, ingested_at),
                    one.source,
                    one.language,
                    one.story_id,
                    one.novelty,
                    one.sentiment,
                    one.score_micro,
                    list(dict.fromkeys(one.topics)),
                    Jsonb(_plain(one.mentions)),
                    one.model_version,
                    one.origin.topic,
                    one.origin.partition,
                    one.origin.offset,
                )
            )


def _plain(mentions: Iterable[Mention]) -> list[dict[str, object]]:
    """Each company once, as the sums have it."""
    first = {one.entity_id: one for one in reversed(tuple(mentions))}
    return [
        {"entity_id": one.entity_id, "sentiment": one.sentiment, "score_micro": one.score_micro}
        for one in first.values()
    ]


def _counted(row: dict[str, Any], mentions: Iterable[Mention]) -> Counted:
    ingested_at = row.pop("ingested_at")
    origin = Origin(topic=row.pop("raw_topic"), partition=row.pop("raw_partition"), offset=row.pop("raw_offset"))
    row |= {"topics": tuple(row["topics"]), "flags": tuple(row["flags"])}
    return Counted(ScoredDocument(**row, origin=origin, mentions=tuple(mentions)), ingested_at)


_DOCUMENTS = """
DELETE FROM documents
WHERE published_at >= %(since)s AND published_at < %(until)s AND document_id = ANY(%(ids)s)
RETURNING document_id, published_at, arrived_at, ingested_at, source, language, story_id, novelty,
          sentiment, negative, neutral, positive, score_micro, topics, flags, model_version,
          raw_topic, raw_partition, raw_offset
"""

_MENTIONS = """
DELETE FROM mentions
WHERE published_at >= %(since)s AND published_at < %(until)s AND document_id = ANY(%(ids)s)
RETURNING document_id, entity_id, surface, sentiment, score_micro
"""

_TERMS = """
DELETE FROM document_terms
WHERE published_at >= %(since)s AND published_at < %(until)s AND document_id = ANY(%(ids)s)
"""

_KEEP = """
COPY withdrawn_documents (
    document_id, published_at, arrived_at, ingested_at, withdrawn_at, source, language, story_id, novelty,
    sentiment, score_micro, topics, mentions, model_version, raw_topic, raw_partition, raw_offset
) FROM STDIN (FORMAT BINARY)
"""

_KEPT_TYPES = (
    *("uuid", "timestamptz", "timestamptz", "timestamptz", "timestamptz", "text", "text", "uuid", "text"),
    *("text", "int4", "text[]", "jsonb", "text", "text", "int4", "int8"),
)
