"""Waiting out a database that is away: said once when it goes, once when it is back, and nothing else is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_exponential_jitter
from tenacity.nap import sleep_using_event

from storage.absence import reason_of

__all__ = ["AWAY", "Patience"]

T = TypeVar("T")

_log = structlog.get_logger()

AWAY = (OperationalError, InterfaceError, psycopg.OperationalError)
"""What says that the database is away (or gave up on this transaction) rather than that a statement is wrong."""

_LONGEST_WAIT_S = 10.0


class Patience:
    """Runs steps that use the database, again and again while it is away, until `stop` is set."""

    def __init__(self, part: str, stop: threading.Event) -> None:
        self._part = part
        self._stop = stop
        self._away = False

    def run(self, step: Callable[[], T]) -> T | None:
        """What `step` returns; None when `stop` is set while the database is away. Other errors pass through."""
        retrying = Retrying(
            retry=retry_if_exception_type(AWAY),
            wait=wait_exponential_jitter(multiplier=0.2, max=_LONGEST_WAIT_S, jitter=0.5),
            stop=stop_when_event_set(self._stop),
            sleep=sleep_using_event(self._stop),
            after=self._lost,
            retry_error_callback=lambda _: None,
        )
        result: T | None = retrying(step)
        if self._away and not self._stop.is_set():
            self._away = False
            _log.info("database_reachable", part=self._part)
        return result

    def _lost(self, state: RetryCallState) -> None:
        if not self._away:
            error = state.outcome.exception() if state.outcome else None
            _log.warning("database_unreachable", part=self._part, error=type(error).__name__, reason=reason_of(error))
        self._away = True
