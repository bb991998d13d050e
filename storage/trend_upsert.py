"""Adds a batch's sums to the trend rows and notes which buckets moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor

from storage.arrays import integers, minutes, texts
from storage.records import ANY_TOPIC, ScoredDocument
from storage.trend_rows import COLUMNS, TrendRow, from_columns
from storage.trend_sums import PlainKey, PlainSums, Sums, totals

__all__ = ["add", "grown", "mark_changed", "reworded"]

_ADD = f"""
INSERT INTO trend_counts AS held (
    entity_id, topic, bucket, model_version,
    documents, stories, negative, neutral, positive, negative_stories, score_micro,
    revision, revised_at, revised_after_final
)
SELECT entity_id, topic, bucket, model_version,
       documents, stories, negative, neutral, positive, negative_stories, score_micro,
       1, %(now)s, coalesce(bucket + interval '1 minute' <= (SELECT final_until FROM finality), false)
FROM unnest(
    %(entity_id)s::text[], %(topic)s::text[], %(bucket)s::timestamptz[], %(model_version)s::text[],
    %(documents)s::int4[], %(stories)s::int4[], %(negative)s::int4[], %(neutral)s::int4[], %(positive)s::int4[],
    %(negative_stories)s::int4[], %(score_micro)s::int8[]
) AS batch (
    entity_id, topic, bucket, model_version,
    documents, stories, negative, neutral, positive, negative_stories, score_micro
)
ON CONFLICT (entity_id, topic, bucket, model_version) DO UPDATE SET
    documents = held.documents + excluded.documents,
    stories = held.stories + excluded.stories,
    negative = held.negative + excluded.negative,
    neutral = held.neutral + excluded.neutral,
    positive = held.positive + excluded.positive,
    negative_stories = held.negative_stories + excluded.negative_stories,
    score_micro = held.score_micro + excluded.score_micro,
    revision = held.revision + 1,
    revised_at = greatest(held.revised_at, excluded.revised_at),
    revised_after_final = held.revised_after_final OR excluded.revised_after_final
RETURNING {COLUMNS}
"""  # noqa: S608 - COLUMNS is our own list of names

_MARK = """
INSERT INTO changed_buckets AS held (entity_id, bucket)
SELECT * FROM unnest(%s::text[], %s::timestamptz[])
ON CONFLICT (entity_id, bucket) DO UPDATE SET touched = held.touched + 1
"""


def add(connection: Connection[Any], amounts: Sequence[tuple[PlainKey, PlainSums]], *, now: datetime) -> list[TrendRow]:
    """Adds sorted amounts, which may be negative, to the rows they belong to; returns these rows as they are now.

    Rows are locked in the order given: sorted by key, the same for every worker, so that none waits in a circle. A
    bucket that was already called final when the statement began is marked `revised_after_final`, for good.
    """
    if not amounts:
        return []
    # Column by column: zip(*amounts) would make an iterator for every row, and the cycle collector look at them all.
    parameters: dict[str, object] = {
        name: integers([sums[index] for _, sums in amounts]) for index, name in enumerate(Sums._fields)
    }
    parameters |= {
        "entity_id": texts([key[0] for key, _ in amounts]),
        "topic": texts([key[1] for key, _ in amounts]),
        "bucket": minutes([key[2] for key, _ in amounts]),
        "model_version": texts([key[3] for key, _ in amounts]),
        "now": now,
    }
    with connection.cursor(binary=True) as cursor:
        cursor.execute(_ADD, parameters)
        return [from_columns(values) for values in cursor.fetchall()]


def grown(rows: Sequence[TrendRow], amounts: Sequence[tuple[PlainKey, PlainSums]]) -> list[TrendRow]:
    """The rows whose documents or negative ones became more: what only shrank raises no alarm and takes none back."""
    more = {key for key, sums in amounts if sums[0] > 0 or sums[2] > 0 or sums[5] > 0}
    return [row for row in rows if (row.entity_id, row.topic, row.bucket, row.model_version) in more]


def reworded(
    added: Iterable[ScoredDocument], amounts: Sequence[tuple[PlainKey, PlainSums]]
) -> set[tuple[str, datetime]]:
    """Where documents came of which other versions went, and no fewer are left: (entity, minute) each.

    Their words, or how bad they are, may be others now, and operators' rules ask for both: one that has become less
    bad may hold the word of a rule that it did not hold before.
    """
    fewer = {key[:3] for key, sums in amounts if sums[0] < 0}
    places = {key[:3] for key, _ in totals(added) if key[1] == ANY_TOPIC}
    return {(entity_id, bucket) for entity_id, _, bucket in places - fewer}


def mark_changed(cursor: Cursor[Any], rows: Sequence[TrendRow], also: Iterable[tuple[str, datetime]] = ()) -> None:
    """Puts the buckets of these rows, and others, on the alert engine's list, each once, in sorted order.

    A bucket already on the list is touched again: the update locks its row until commit, so the engine, which
    deletes what it has judged, either sees these sums or leaves the entry for its next round.
    """
    moved = sorted({*((row.entity_id, row.bucket) for row in rows if row.topic == ANY_TOPIC), *also})
    if moved:
        cursor.execute(_MARK, (texts([entity_id for entity_id, _ in moved]), minutes([at for _, at in moved])))
