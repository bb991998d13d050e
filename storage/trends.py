"""Reads of the books that other rooms need: the minutes of an entity, and how long documents take to get here."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from storage.records import ANY_TOPIC

__all__ = ["Minute", "latency_ms", "minute_series"]


class Minute(NamedTuple):
    """The sums of one minute over all model versions. A minute without documents is not in a series."""

    bucket: datetime
    documents: int
    stories: int
    negative: int
    negative_stories: int
    score_micro: int


def minute_series(
    connection: Connection, entity_id: str, since: datetime, until: datetime, *, topic: str = ANY_TOPIC
) -> list[Minute]:
    """The minutes of an entity that start in [since, until), ascending; `storage.ANY_ENTITY` is the whole market."""
    parameters = {"entity_id": entity_id, "topic": topic, "since": since, "until": until}
    return [Minute(*row) for row in connection.execute(_SERIES, parameters)]


def latency_ms(connection: Connection, *, since: datetime | None = None) -> dict[str, float]:
    """p50, p95 and p99, in milliseconds, from the broker's append of a record to the commit that made it visible.

    Over documents that arrived at or after `since` (all by default); empty where there are none. The commit time is
    PostgreSQL's own where it tracks that (track_commit_timestamp), else the time at which the row was written, which
    is a few milliseconds earlier. Both clocks, broker's and database's, must agree for this to mean anything.
    """
    tracked = connection.exec_driver_sql("SHOW track_commit_timestamp").scalar_one() == "on"
    query = _LATENCY.format(
        visible="coalesce(pg_xact_commit_timestamp(k.xmin), d.ingested_at)" if tracked else "d.ingested_at"
    )
    found = connection.execute(text(query), {"since": since}).scalar_one()
    return {} if found is None else dict(zip(("p50", "p95", "p99"), found, strict=True))


_SERIES = text(
    """
    SELECT bucket, sum(documents)::int, sum(stories)::int, sum(negative)::int, sum(negative_stories)::int,
           sum(score_micro)::bigint
    FROM trend_counts
    WHERE entity_id = :entity_id AND topic = :topic AND bucket >= :since AND bucket < :until
    GROUP BY bucket
    HAVING sum(documents) > 0
    ORDER BY bucket
    """
)

_LATENCY = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
           ORDER BY (extract(epoch FROM {visible} - d.arrived_at) * 1000)::double precision
       )
FROM document_keys k
JOIN documents d USING (document_id, published_at)
WHERE d.arrived_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
"""
