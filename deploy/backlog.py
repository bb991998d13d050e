"""How much of the log has no outcome yet: what `replay --wait` waits for and `status` shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import Engine, func, select, text

from storage.tables import changed_buckets, deliveries
from stream.topics import Topics, offsets

__all__ = ["Backlog", "backlog", "unread", "wait_until_settled"]

# What lies below the broker's first offset is gone: only what is still there can be waited for.
_ACCOUNTED = text(
    """
    SELECT coalesce(sum(upper(part) - lower(part)), 0)
    FROM ledger, unnest(accounted * int8multirange(int8range(:first, :end))) AS part
    WHERE topic = :topic AND partition = :partition
    """
)
_UNJUDGED = select(func.count()).select_from(changed_buckets)
_UNDELIVERED = (
    select(func.count()).select_from(deliveries).where(deliveries.c.state == "pending", deliveries.c.attempts == 0)
)

_STILL_S = 15.0
"""Buckets that nobody judged for this long wait for event time to go on, not for a worker."""


@dataclass(frozen=True)
class Backlog:
    """Incoming records without an outcome, buckets not judged yet, and deliveries that had no attempt yet."""

    unread: int
    unjudged: int
    undelivered: int


def unread(engine: Engine, bootstrap: str, topic: str) -> dict[int, int]:
    """For each partition of an incoming topic, how many records on the broker have no outcome in the ledger.

    Raises TopicsError or OperationalError where broker or database do not answer.
    """
    lag = {}
    with engine.connect() as connection:
        for partition, (first, end) in offsets(bootstrap, topic).items():
            where = {"first": first, "end": end, "topic": topic, "partition": partition}
            lag[partition] = end - first - int(connection.execute(_ACCOUNTED, where).scalar_one())
    return lag


def backlog(engine: Engine, bootstrap: str, topics: Topics) -> Backlog:
    """All that is still to be done for what is on the incoming topics now. Raises as `unread` does."""
    waiting = sum(sum(unread(engine, bootstrap, topic).values()) for topic in topics.incoming)
    with engine.connect() as connection:
        unjudged = connection.execute(_UNJUDGED).scalar_one()
        undelivered = connection.execute(_UNDELIVERED).scalar_one()
    return Backlog(waiting, unjudged, undelivered)


def wait_until_settled(
    look: Callable[[], Backlog],
    stop: threading.Event,
    *,
    every_s: float = 0.25,
    seconds: Callable[[], float] = monotonic,
) -> bool:
    """Returns True once nothing is left to do, False when `stop` is set first.

    Buckets whose judgement waits for event time to go on do not count: they wait until the stream goes on.
    """
    last, since = look(), seconds()
    while not stop.is_set():
        now = look()
        if now != last:
            last, since = now, seconds()
        if not now.unread and not now.undelivered and (not now.unjudged or seconds() - since >= _STILL_S):
            return True
        stop.wait(every_s)
    return False
