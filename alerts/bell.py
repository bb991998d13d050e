"""The bell: PostgreSQL tells when there is work; where it cannot be heard, the clock strikes instead."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import cast

import psycopg
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

__all__ = ["ALERTS", "DELIVERIES", "TRENDS", "Bell"]

TRENDS = "yuqing_trends"
"""Rung by every commit of ingest."""

DELIVERIES = "yuqing_deliveries"
"""Rung by every commit that put something into the outbox."""

ALERTS = "yuqing_alerts"
"""Rung by every commit that wrote history of an alert: by a trigger, whoever wrote."""

_GLANCE_S = 0.5
"""How often somebody who waits looks whether it is time to stop."""


class Bell:
    """Waits for the next ring of `channel`, at most `poll_s` seconds. A lost connection is only a slower bell."""

    def __init__(self, engine: Engine, channel: str, poll_s: float) -> None:
        self._engine = engine
        self._channel = channel
        self._poll_s = poll_s
        self._ear: psycopg.Connection | None = None

    def __enter__(self) -> Bell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deafen()

    def listen(self) -> None:
        """Begins to listen, if it does not yet; what commits from now on will be heard. Never raises."""
        if self._ear is not None:
            return
        try:
            pooled = self._engine.raw_connection()
            ear = cast("psycopg.Connection", pooled.driver_connection)
            pooled.detach()  # it stays out of the pool: it is in autocommit and listening
            ear.autocommit = True
            ear.execute(sql.SQL("listen {}").format(sql.Identifier(self._channel)))
            self._ear = ear
        except (psycopg.Error, SQLAlchemyError):
            self._deafen()

    def wait(self, stop: threading.Event) -> None:
        """Returns when the bell has rung, after `poll_s`, or soon after `stop` is set."""
        if self._ear is None:
            stop.wait(self._poll_s)
            return
        try:
            left = self._poll_s
            while left > 0 and not stop.is_set():
                if list(self._ear.notifies(timeout=min(left, _GLANCE_S), stop_after=1)):
                    list(self._ear.notifies(timeout=0))  # what rang meanwhile is answered by the same round
                    return
                left -= _GLANCE_S
        except psycopg.Error:
            self._deafen()

    def _deafen(self) -> None:
        if self._ear is not None:
            self._ear.close()
        self._ear = None
