"""What re-scoring changes in the sums: the new scores of a document come under a version, its first ones go.

The differences of a version lie apart from `trend_counts`, so that nothing that reads those, alarms above all, moves
while the past is scored again; the view `shown_counts` adds up both where the version is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

from storage import rescored_rows
from storage.arrays import integers, minutes, texts
from storage.records import ScoredDocument
from storage.trend_sums import PlainKey, PlainSums, Sums, balance

__all__ = ["Rescored", "add", "take_out"]


class Rescored(NamedTuple):
    """A stored document as it was first scored, and as another model scores it."""

    first: ScoredDocument
    again: ScoredDocument


def add(cursor: Cursor[Any], version: str, documents: Sequence[Rescored], *, now: datetime) -> None:
    """Adds what showing `version` changes for these documents, in key order."""
    _upsert(cursor, version, balance([one.again for one in documents], [one.first for one in documents]), now)


def take_out(cursor: Cursor[Any], leaving: Iterable[ScoredDocument], *, now: datetime) -> None:
    """Undoes that for documents that count no longer, in every version that had scored them.

    The caller holds the locks of their ids, as `add`'s does, so that one of the two comes first. Their new scores stay
    on record, as what was once shown.
    """
    scored: dict[str, list[Rescored]] = {}
    for first, again in rescored_rows.of(cursor, leaving):
        scored.setdefault(again.model_version, []).append(Rescored(first, again))
    for version, documents in sorted(scored.items()):
        amounts = balance([one.first for one in documents], [one.again for one in documents])
        _upsert(cursor, version, amounts, now)


def _upsert(cursor: Cursor[Any], version: str, amounts: Sequence[tuple[PlainKey, PlainSums]], now: datetime) -> None:
    if not amounts:
        return
    parameters: dict[str, object] = {
        name: integers([sums[index] for _, sums in amounts]) for index, name in enumerate(Sums._fields)
    }
    parameters |= {
        "entity_id": texts([key[0] for key, _ in amounts]),
        "topic": texts([key[1] for key, _ in amounts]),
        "bucket": minutes([key[2] for key, _ in amounts]),
        "model_version": texts([key[3] for key, _ in amounts]),
        "rescored_as": version,
        "now": now,
    }
    cursor.execute(_ADD, parameters)


_SUMS = ", ".join(Sums._fields)
_ADD = f"""
INSERT INTO rescored_counts AS held (
    rescored_as, entity_id, topic, bucket, model_version, {_SUMS}, revision, revised_at
)
SELECT %(rescored_as)s, batch.*, 1, %(now)s
FROM unnest(
    %(entity_id)s::text[], %(topic)s::text[], %(bucket)s::timestamptz[], %(model_version)s::text[],
    %(documents)s::int4[], %(stories)s::int4[], %(negative)s::int4[], %(neutral)s::int4[], %(positive)s::int4[],
    %(negative_stories)s::int4[], %(score_micro)s::int8[]
) AS batch (entity_id, topic, bucket, model_version, {_SUMS})
ON CONFLICT (rescored_as, entity_id, topic, bucket, model_version) DO UPDATE SET
    {", ".join(f"{name} = held.{name} + excluded.{name}" for name in Sums._fields)},
    revision = held.revision + 1,
    revised_at = greatest(held.revised_at, excluded.revised_at)
"""  # noqa: S608 - names of our own columns
