"""The stages of a delivery: deduplicate, send, record. Each takes a delivery and hands it on, or ends its way."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Connection

from alerts import metrics, outbox
from alerts.books import Books
from alerts.endpoints import Endpoint
from alerts.errors import AlertsError, RefusedError
from alerts.outbox import Claimed
from alerts.retries import GONE, Schedule
from alerts.sending import Sender

__all__ = ["Clock", "Deduplicate", "Delivery", "Record", "Send", "Stage"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Delivery:
    """What the stages hand on: a claimed delivery, where it goes, and how sending it ended."""

    claimed: Claimed
    endpoint: Endpoint
    error: AlertsError | None = None


class Stage(Protocol):
    """One step on the way of a delivery."""

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        """The delivery for the next stage, or None where the way ends."""


class Deduplicate:
    """Ends the way of what somebody else has taken or closed since it was claimed."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        mine = await self._books.run(lambda connection: outbox.is_mine(connection, delivery.claimed))
        return delivery if mine else None


class Send:
    """Makes one attempt. An endpoint that said it is gone is not asked again while this process lives."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._gone: set[str] = set()

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        endpoint = delivery.endpoint
        if endpoint.name in self._gone:
            return replace(delivery, error=RefusedError(GONE))
        try:
            await self._sender.post(endpoint, delivery.claimed, self._clock())
        except AlertsError as error:
            if isinstance(error, RefusedError) and error.status == GONE:
                self._gone.add(endpoint.name)
            return replace(delivery, error=error)
        return delivery


class Record:
    """Writes down how it ended: delivered, to be tried again, or dead."""

    def __init__(self, books: Books, schedule: Schedule, clock: Clock) -> None:
        self._books = books
        self._schedule = schedule
        self._clock = clock

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        await self._books.run(lambda connection: self._write(connection, delivery, self._clock()))
        return delivery

    def _write(self, connection: Connection, delivery: Delivery, now: datetime) -> None:
        claimed, error = delivery.claimed, delivery.error
        about = {"webhook_id": claimed.webhook_id, "endpoint": claimed.endpoint, "attempts": claimed.attempts}
        if error is None:
            outbox.delivered(connection, claimed, now)
            metrics.delivery_attempts.labels("delivered").inc()
            metrics.delivery_seconds.observe((now - claimed.created_at).total_seconds())
            _log.info("delivery_delivered", **about)
            return
        again = self._schedule.next_attempt(
            attempts=claimed.attempts, created_at=claimed.created_at, now=now, error=error, chance=random.random
        )
        if again is not None:
            outbox.postponed(connection, claimed, str(error), again)
            metrics.delivery_attempts.labels("postponed").inc()
            _log.warning("delivery_postponed", error=str(error), next_attempt_at=again.isoformat(), **about)
            return
        outbox.dead(connection, claimed, str(error))
        if isinstance(error, RefusedError) and error.status == GONE:
            outbox.dead_all(connection, claimed.endpoint, f"{error}: the endpoint is gone")
        metrics.delivery_attempts.labels("dead").inc()
        _log.error("delivery_dead", error=str(error), **about)
