"""The stages of a delivery: deduplicate, send, record. Each takes a delivery and hands it on, or ends its way."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Connection

from alerts import metrics
from alerts.delivery import endpoint_states, outbox
from alerts.delivery.books import Books
from alerts.delivery.channels import Channel, ChannelSender
from alerts.delivery.endpoint_states import Breaker
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.outbox import Claimed
from alerts.delivery.retries import GONE, Schedule, tells_of_endpoint
from alerts.delivery.sending import Sender
from alerts.errors import AlertsError, RefusedError
from alerts.together import Together

__all__ = ["Clock", "Deduplicate", "Delivery", "Record", "Send", "Stage"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Delivery:
    """What the stages hand on: a claimed delivery, where it goes, and how sending it ended."""

    claimed: Claimed
    endpoint: Endpoint | Channel
    error: AlertsError | None = None


class Stage(Protocol):
    """One step on the way of a delivery."""

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        """The delivery for the next stage, or None where the way ends."""


class Deduplicate:
    """Ends the way of what somebody else has taken or closed since it was claimed.

    Nobody else takes it within its lease, so only what has waited for half of that is looked up again.
    """

    def __init__(self, books: Books, clock: Clock, lease: timedelta) -> None:
        self._books = books
        self._clock = clock
        self._fresh = lease / 2

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        if self._clock() < delivery.claimed.claimed_at + self._fresh:
            return delivery
        mine = await self._books.run(lambda connection: outbox.is_mine(connection, delivery.claimed))
        return delivery if mine else None


class Send:
    """Makes one attempt: at a webhook, or through a channel."""

    def __init__(self, sender: Sender, channels: ChannelSender, clock: Clock) -> None:
        self._sender = sender
        self._channels = channels
        self._clock = clock

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        endpoint = delivery.endpoint
        try:
            if isinstance(endpoint, Channel):
                await self._channels.post(endpoint, delivery.claimed)
            else:
                await self._sender.post(endpoint, delivery.claimed, self._clock())
        except AlertsError as error:
            return replace(delivery, error=error)
        return delivery


class Record:
    """Writes down how it ended: delivered, to be tried again, or dead; and what that says of the endpoint."""

    def __init__(self, books: Books, schedule: Schedule, breaker: Breaker, clock: Clock) -> None:
        self._schedule = schedule
        self._breaker = breaker
        self._clock = clock
        self._together = Together(books, self._write)

    async def __call__(self, delivery: Delivery) -> Delivery | None:
        await self._together(delivery)
        return delivery

    def _write(self, ended: Sequence[Delivery], connection: Connection) -> None:
        now = self._clock()
        taken = [each.claimed for each in ended if each.error is None]
        if taken:
            outbox.delivered(connection, taken, now)
            endpoint_states.recovered(connection, [each.endpoint for each in taken], now)
        for claimed in taken:
            metrics.delivery_attempts.labels("delivered").inc()
            metrics.delivery_seconds.observe((now - claimed.created_at).total_seconds())
            _log.info("delivery_delivered", **_about(claimed))
        for each in sorted(ended, key=lambda each: each.claimed.endpoint):
            if each.error is not None:
                self._failed(connection, each.claimed, each.error, now)

    def _failed(self, connection: Connection, claimed: Claimed, error: AlertsError, now: datetime) -> None:
        if tells_of_endpoint(error):
            state = endpoint_states.failed(connection, claimed.endpoint, self._breaker, str(error), now)
            if state.failures == self._breaker.failures:
                _log.warning("endpoint_resting", endpoint=claimed.endpoint, failures=state.failures, error=str(error))
        again = self._schedule.next_attempt(
            attempts=claimed.attempts, created_at=claimed.since, now=now, error=error, chance=random.random
        )
        if again is not None:
            outbox.postponed(connection, claimed, str(error), again)
            metrics.delivery_attempts.labels("postponed").inc()
            _log.warning("delivery_postponed", error=str(error), next_attempt_at=again.isoformat(), **_about(claimed))
            return
        outbox.dead(connection, claimed, str(error))
        if isinstance(error, RefusedError) and error.status == GONE:
            endpoint_states.disable(connection, claimed.endpoint, f"{error}: the endpoint is gone", now)
            _log.error("endpoint_disabled", endpoint=claimed.endpoint, error=str(error))
        metrics.delivery_attempts.labels("dead").inc()
        _log.error("delivery_dead", error=str(error), **_about(claimed))


def _about(claimed: Claimed) -> dict[str, object]:
    return {"webhook_id": claimed.webhook_id, "endpoint": claimed.endpoint, "attempts": claimed.attempts}
