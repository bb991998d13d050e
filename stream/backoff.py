"""Waiting for a service that is away: try again ever more slowly, and say so once."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import NoReturn, TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_exponential_jitter
from tenacity.nap import sleep_using_event

from storage.absence import reason_of
from stream.errors import StreamError
from stream.metrics import WAITING

__all__ = ["StoppedError", "persist", "told"]

T = TypeVar("T")

_log = structlog.get_logger()


class StoppedError(StreamError):
    """We were told to stop while a service was still away."""


def persist(
    what: Callable[[], T],
    *,
    service: str,
    absent: tuple[type[BaseException], ...],
    stop: threading.Event,
    longest_s: float = 10.0,
) -> T:
    """Calls `what` until it answers; between tries it waits 0.1 s, then ever longer, up to `longest_s`, with jitter.

    Only exceptions in `absent` mean that the service is away; any other passes through. The first failure logs
    `<service>_unreachable` with the reason, and so does one with another reason; the return logs `<service>_reachable`.
    Meanwhile the metric yuqing_waiting is 1. Raises StoppedError when `stop` is set meanwhile.
    """
    waiting = _Waiting(service)
    retrying = Retrying(
        retry=retry_if_exception_type(absent),
        wait=wait_exponential_jitter(multiplier=0.1, max=longest_s, jitter=0.5),
        sleep=sleep_using_event(stop),
        stop=stop_when_event_set(stop),
        before_sleep=waiting.failed,
        retry_error_callback=_give_up,
    )
    try:
        answer = retrying(what)
    finally:
        waiting.over()
    if retrying.statistics["attempt_number"] > 1:
        _log.info(f"{service}_reachable", attempts=retrying.statistics["attempt_number"])
    return answer


class _Waiting:
    """What one wait has told so far."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._reason: str | None = None

    def failed(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        reason = reason_of(error) if self._service == "database" else "unreachable"
        if reason != self._reason:
            self.over()
            self._reason = reason
            WAITING.labels(self._service, reason).set(1)
            _log.warning(f"{self._service}_unreachable", error=type(error).__name__, reason=reason)

    def over(self) -> None:
        if self._reason is not None:
            WAITING.labels(self._service, self._reason).set(0)


def _give_up(state: RetryCallState) -> NoReturn:
    error = state.outcome.exception() if state.outcome is not None else None
    raise StoppedError("told to stop while waiting") from error


def told(error: BaseException) -> dict[str, str]:
    """An error for the log: its kind and place. Its message, or a frame's variables, may quote a document's text."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": " < ".join(f"{f.filename}:{f.lineno}" for f in frames[::-1][:4])}
