"""The ledger: which records of documents.raw have had their outcome, as one multirange per partition.

A partition that was read without gaps is one range, however long; offsets that came out of order close up as the
gaps fill. The row is also the lock by which two workers that hold the same partition for a moment take turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Cursor

from storage.arrays import integers, texts
from storage.records import Origin

__all__ = ["OUTCOMES", "account", "lock", "unaccounted"]

OUTCOMES = ("stored", "repeated", "dead", "corrected", "retracted", "superseded")
"""Each has a column. Their sums are the number of offsets with an outcome:

    stored      its document entered the sums
    corrected   its document took the place of an older version in the sums
    retracted   it took its document out of the sums
    superseded  a revision that changed no sum: a newer version is known, or a takedown found nothing that counts
    repeated    the same item again
    dead        it could not be read
"""


def lock(cursor: Cursor[Any], origins: Iterable[Origin]) -> None:
    """Locks the rows of the partitions concerned until the transaction ends, in one order for all workers.

    Rows that are missing are made before any is locked: whoever makes one waits for others who make it, and would wait
    for ever if they waited for a row that is locked here.
    """
    topics, partitions = _partitions(origins)
    parameters = {"topics": texts(topics), "partitions": integers(partitions)}
    cursor.execute(_OPEN, parameters)
    cursor.execute(_LOCK, parameters)


def unaccounted(cursor: Cursor[Any], origins: Sequence[Origin]) -> list[int]:
    """The indexes into `origins` of those without an outcome yet, ascending. Call `lock` first."""
    cursor.execute(_UNACCOUNTED, _columns(origins))
    return [index for (index,) in cursor]


def account(cursor: Cursor[Any], origins: Sequence[Origin], outcomes: Sequence[str]) -> None:
    """Books one of `OUTCOMES` for each of these origins, all of them unaccounted."""
    cursor.execute(_ACCOUNT, {**_columns(origins), "outcomes": texts(outcomes)})


def _partitions(origins: Iterable[Origin]) -> tuple[list[str], list[int]]:
    pairs = sorted({(origin.topic, origin.partition) for origin in origins})
    return [topic for topic, _ in pairs], [partition for _, partition in pairs]


def _columns(origins: Sequence[Origin]) -> dict[str, object]:
    return {
        "topics": texts(origin.topic for origin in origins),
        "partitions": integers(origin.partition for origin in origins),
        "offsets": integers(origin.offset for origin in origins),
    }


_LOCK = """
SELECT FROM ledger
WHERE (topic, partition) IN (SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::int4[]))
ORDER BY topic, partition
FOR UPDATE
"""

_OPEN = """
INSERT INTO ledger (topic, partition, accounted)
SELECT topic, partition, '{}'
FROM unnest(%(topics)s::text[], %(partitions)s::int4[]) AS o (topic, partition)
WHERE NOT EXISTS (SELECT FROM ledger l WHERE (l.topic, l.partition) = (o.topic, o.partition))
ORDER BY topic, partition
ON CONFLICT DO NOTHING
"""

_UNACCOUNTED = """
SELECT (o.index - 1)::int
FROM unnest(%(topics)s::text[], %(partitions)s::int4[], %(offsets)s::int8[])
     WITH ORDINALITY AS o (topic, partition, "offset", index)
JOIN ledger l USING (topic, partition)
WHERE NOT l.accounted @> o."offset"
ORDER BY o.index
"""

_ACCOUNT = f"""
UPDATE ledger l
SET accounted = l.accounted + batch.accounted,
    {", ".join(f"{outcome} = l.{outcome} + batch.{outcome}" for outcome in OUTCOMES)}
FROM (
    SELECT topic, partition,
           range_agg(int8range("offset", "offset" + 1)) AS accounted,
           {", ".join(f"count(*) FILTER (WHERE outcome = '{outcome}') AS {outcome}" for outcome in OUTCOMES)}
    FROM unnest(%(topics)s::text[], %(partitions)s::int4[], %(offsets)s::int8[], %(outcomes)s::text[])
         AS o (topic, partition, "offset", outcome)
    GROUP BY topic, partition
) batch
WHERE (l.topic, l.partition) = (batch.topic, batch.partition)
"""  # noqa: S608 - names of our own columns
