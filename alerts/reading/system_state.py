"""How the system is: how far it has read, how fast it is, what it could not read, which model speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

__all__ = ["PartitionState", "SourceDay", "SystemState", "stored_documents", "system_state"]


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How far the windows stage has read one partition, and the newest event time seen there."""

    topic: str
    partition: int
    next_offset: int
    event_time: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SourceDay:
    """What a source gave on the newest day of the stream. `median_delay_s` is from publication to arrival."""

    source: str
    documents: int
    stories: int
    last_arrived_at: datetime
    median_delay_s: float


@dataclass(frozen=True, slots=True)
class SystemState:
    """How far everything is; `documents` is all that were ever stored."""

    newest_event: datetime | None
    final_until: datetime | None
    last_commit: datetime | None
    documents: int
    waiting_buckets: int
    waiting_deliveries: int
    dead_deliveries: int
    waiting_search: int
    dead_letters: dict[str, int]
    models: dict[str, int]
    partitions: tuple[PartitionState, ...]
    sources: tuple[SourceDay, ...]


def system_state(connection: Connection) -> SystemState:
    """Everything in one snapshot; `models` and `sources` are of the newest day of the stream."""
    parts = connection.execute(
        text("SELECT topic, partition, next_offset, nullif(event_time, '-infinity') AS event_time, updated_at "
             "FROM positions ORDER BY topic, partition")
    )  # fmt: skip
    one = connection.execute(_FIGURES).one()._mapping
    newest = {"newest": one["newest_event"]}
    dead = text("SELECT reason, count(*) FROM dead_letters WHERE state = 'open' GROUP BY reason ORDER BY reason")
    return SystemState(
        **one,
        partitions=tuple(PartitionState(**row._mapping) for row in parts),
        dead_letters={row[0]: row[1] for row in connection.execute(dead)},
        models={row[0]: row[1] for row in connection.execute(_MODELS, newest)},
        sources=tuple(SourceDay(**row._mapping) for row in connection.execute(_SOURCES, newest)),
    )


def stored_documents(connection: Connection) -> int:
    """How many documents were ever stored; two looks tell the pace."""
    count: int = connection.exec_driver_sql("SELECT coalesce(sum(stored), 0)::bigint FROM ledger").scalar_one()
    return count


_FIGURES = text(
    """
    SELECT (SELECT max(bucket) FROM trend_counts) AS newest_event,
           (SELECT final_until FROM finality) AS final_until,
           (SELECT max(updated_at) FROM positions) AS last_commit,
           (SELECT coalesce(sum(stored), 0)::bigint FROM ledger) AS documents,
           (SELECT count(*) FROM changed_buckets) AS waiting_buckets,
           (SELECT count(*) FROM deliveries WHERE state = 'pending') AS waiting_deliveries,
           (SELECT count(*) FROM deliveries WHERE state = 'dead') AS dead_deliveries,
           (SELECT count(*) FROM search_queue) AS waiting_search
    """
)

_MODELS = text(
    """
    SELECT model_version, sum(documents)::bigint FROM shown_counts
    WHERE entity_id = '*' AND topic = '*' AND bucket > CAST(:newest AS timestamptz) - interval '1 day'
    GROUP BY model_version ORDER BY 2 DESC
    """
)

_SOURCES = text(
    """
    SELECT source, count(*) AS documents, count(*) FILTER (WHERE novelty = 'new') AS stories,
           max(arrived_at) AS last_arrived_at,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM arrived_at - published_at)::double precision)
               AS median_delay_s
    FROM documents
    WHERE published_at > CAST(:newest AS timestamptz) - interval '1 day'
      AND published_at < CAST(:newest AS timestamptz) + interval '1 minute'
    GROUP BY source ORDER BY documents DESC LIMIT 100
    """
)
