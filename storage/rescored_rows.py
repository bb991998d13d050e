"""The new scores of stored documents, each on record once, tied to the raw record that the document was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from storage.arrays import integers, texts
from storage.records import Mention, Origin, ScoredDocument

__all__ = ["keep", "of"]


def keep(cursor: Cursor[Any], documents: Sequence[ScoredDocument], *, now: datetime) -> set[Origin]:
    """Puts new scores on record, each under its model_version; the caller has locked the ids.

    Returns the origins of those that are stored still and that nobody had scored as this version before.
    """
    cursor.execute(_KEEP, {"now": now, "rows": Jsonb([_plain(one) for one in documents])})
    return {Origin(topic=topic, partition=partition, offset=offset) for topic, partition, offset in cursor}


def of(cursor: Cursor[Any], documents: Iterable[ScoredDocument]) -> Iterator[tuple[ScoredDocument, ScoredDocument]]:
    """Each of these documents as it is given, and as a later version scored it; nothing of one that none did."""
    firsts = {(one.origin.topic, one.origin.partition, one.origin.offset): one for one in documents}
    if not firsts:
        return
    topics, partitions, offsets = zip(*firsts, strict=True)
    with cursor.connection.cursor(row_factory=dict_row) as rows:
        for row in rows.execute(_SCORED, (texts(topics), integers(partitions), integers(offsets))).fetchall():
            first = firsts[row["raw_topic"], row["raw_partition"], row["raw_offset"]]
            yield first, _again(first, row)


def _again(first: ScoredDocument, row: dict[str, Any]) -> ScoredDocument:
    return replace(
        first,
        sentiment=row["sentiment"],
        score_micro=row["score_micro"],
        topics=tuple(row["topics"]),
        mentions=tuple(Mention(**one, surface="") for one in row["mentions"]),
        model_version=row["version"],
    )


def _plain(document: ScoredDocument) -> dict[str, object]:
    """A row of rescored_documents, for a list of them in JSON."""
    first = {one.entity_id: one for one in reversed(document.mentions)}
    return {
        "raw_topic": document.origin.topic,
        "raw_partition": document.origin.partition,
        "raw_offset": document.origin.offset,
        "version": document.model_version,
        "document_id": str(document.document_id),
        "published_at": document.published_at.isoformat(),
        "sentiment": document.sentiment,
        "score_micro": document.score_micro,
        "topics": list(dict.fromkeys(document.topics)),
        "mentions": [
            {"entity_id": one.entity_id, "sentiment": one.sentiment, "score_micro": one.score_micro}
            for one in first.values()
        ],
    }


_SCORED = """
SELECT r.raw_topic, r.raw_partition, r.raw_offset, r.version, r.sentiment, r.score_micro, r.topics, r.mentions
FROM unnest(%s::text[], %s::int4[], %s::int8[]) AS o (raw_topic, raw_partition, raw_offset)
JOIN rescored_documents r USING (raw_topic, raw_partition, raw_offset)
"""

_KEEP = """
INSERT INTO rescored_documents (
    raw_topic, raw_partition, raw_offset, version, document_id, published_at, rescored_at,
    sentiment, score_micro, topics, mentions
)
SELECT n.raw_topic, n.raw_partition, n.raw_offset, n.version, n.document_id, n.published_at, %(now)s,
       n.sentiment, n.score_micro, n.topics, n.mentions
FROM jsonb_to_recordset(%(rows)s) AS n (
    raw_topic text, raw_partition int4, raw_offset int8, version text, document_id uuid, published_at timestamptz,
    sentiment text, score_micro int4, topics text[], mentions jsonb
)
JOIN documents d USING (document_id, published_at, raw_topic, raw_partition, raw_offset)
ORDER BY n.raw_topic, n.raw_partition, n.raw_offset
ON CONFLICT DO NOTHING
RETURNING raw_topic, raw_partition, raw_offset
"""
