"""What the database and the cache say of themselves, as metrics: also while the role that works on it is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from deploy.metrics import (
    BUCKETS_WAITING,
    CACHE_BYTES,
    DATABASE_BYTES,
    DEAD_DELIVERIES,
    DEAD_LETTERS,
    ENDPOINT_STOPPED,
    FINAL_UNTIL,
    OLDEST_DELIVERY,
    SEARCH_WAITING,
)

if TYPE_CHECKING:
    import redis

__all__ = ["StoreWatch"]


class StoreWatch:
    """Looks when it is told to."""

    def __init__(self, engine: Engine, cache: redis.Redis, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._cache = cache
        self._clock = clock

    def look(self) -> None:
        """The database first: what it says stands, whatever becomes of the cache."""
        self._look_at_database()
        memory: dict[str, Any] = self._cache.info("memory")
        CACHE_BYTES.set(memory["used_memory"])

    def _look_at_database(self) -> None:
        from storage.figures import figures

        now = self._clock()
        with self._engine.connect() as connection:
            seen = figures(connection, now)
        if seen.final_until is not None:
            FINAL_UNTIL.set(seen.final_until.timestamp())
        BUCKETS_WAITING.set(seen.waiting_buckets)
        SEARCH_WAITING.set(seen.waiting_search)
        OLDEST_DELIVERY.set(0 if seen.waiting_since is None else max((now - seen.waiting_since).total_seconds(), 0))
        DEAD_DELIVERIES.set(seen.dead_deliveries)
        DATABASE_BYTES.set(seen.database_bytes)
        for gauge in (DEAD_LETTERS, ENDPOINT_STOPPED):
            gauge.clear()  # a reason that is mended, an endpoint that is called again
        for reason, count in seen.dead_letters.items():
            DEAD_LETTERS.labels(reason).set(count)
        for endpoint, why in seen.stopped.items():
            ENDPOINT_STOPPED.labels(endpoint, why).set(1)
