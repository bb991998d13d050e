"""What the database says of itself: how far event time is final, what waits, how large it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

__all__ = ["Figures", "figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    """One look. `waiting_since` is when the oldest delivery that is due, or was tried before, was written or replayed;
    `stopped` says of each endpoint that is not called why: resting or disabled; `dead_letters` are those open."""

    final_until: datetime | None
    waiting_buckets: int
    waiting_search: int
    waiting_since: datetime | None
    dead_deliveries: int
    dead_letters: Mapping[str, int]
    stopped: Mapping[str, str]
    database_bytes: int


def figures(connection: Connection, now: datetime) -> Figures:
    """All of it in one snapshot; what rests until after `now` is stopped."""
    at = {"now": now}
    letters = text("SELECT reason, count(*) FROM dead_letters WHERE state = 'open' GROUP BY reason")
    return Figures(
        **connection.execute(_FIGURES, at).one()._mapping,
        dead_letters={row[0]: row[1] for row in connection.execute(letters)},
        stopped={row[0]: row[1] for row in connection.execute(_STOPPED, at)},
    )


_FIGURES = text(
    """
    SELECT (SELECT final_until FROM finality) AS final_until,
           (SELECT count(*) FROM changed_buckets) AS waiting_buckets,
           (SELECT count(*) FROM search_queue) AS waiting_search,
           (SELECT min(coalesce(replayed_at, created_at)) FROM deliveries
            WHERE state = 'pending' AND (attempts > 0 OR next_attempt_at <= :now)) AS waiting_since,
           (SELECT count(*) FROM deliveries WHERE state = 'dead') AS dead_deliveries,
           pg_database_size(current_database()) AS database_bytes
    """
)

_STOPPED = text(
    """
    SELECT endpoint, CASE WHEN disabled_at IS NOT NULL THEN 'disabled' ELSE 'resting' END
    FROM endpoint_states WHERE disabled_at IS NOT NULL OR resting_until > :now
    """
)
