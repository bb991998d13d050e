"""A service is away: try again until it is back or we are told to stop; say so once, without quoting anything."""

from __future__ import annotations

import threading

import psycopg
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from stream.backoff import StoppedError, persist


class Away:
    """Fails so many times, then answers; may tell us to stop on the way."""

    def __init__(self, times: int, *, stop_after: int | None = None, stop: threading.Event | None = None) -> None:
        self.calls = 0
        self._times = times
        self._stop_after = stop_after
        self._stop = stop

    def __call__(self) -> str:
        self.calls += 1
        if self._stop is not None and self.calls == self._stop_after:
            self._stop.set()
        if self.calls <= self._times:
            raise ConnectionError("secret text")
        return "here"


def wait(service: Away, stop: threading.Event | None = None) -> str:
    return persist(service, service="redis", absent=(ConnectionError,), stop=stop or threading.Event(), longest_s=0.001)


def test_an_answer_at_once_says_nothing() -> None:
    with capture_logs() as logs:
        assert wait(Away(0)) == "here"
    assert logs == []


def test_loss_and_return_are_said_once_and_quote_nothing() -> None:
    with capture_logs() as logs:
        assert wait(Away(4)) == "here"
    assert [entry["event"] for entry in logs] == ["redis_unreachable", "redis_reachable"]
    assert "secret" not in str(logs)


def test_another_reason_is_said_too_and_the_metric_tells_which_one_holds() -> None:
    class Full(Away):
        def __call__(self) -> str:
            self.calls += 1
            if self.calls < 3:
                raise psycopg.OperationalError("Connection refused")
            if self.calls < 6:
                raise psycopg.errors.DiskFull("no space for the secret text")
            held.append(value("disk_full"))
            return "here"

    def value(reason: str) -> float | None:
        return REGISTRY.get_sample_value("yuqing_waiting", {"service": "database", "reason": reason})

    held: list[float | None] = []
    with capture_logs() as logs:
        persist(Full(0), service="database", absent=(psycopg.Error,), stop=threading.Event(), longest_s=0.001)
    assert [one.get("reason") for one in logs] == ["unreachable", "disk_full", None]
    assert held == [1]
    assert value("disk_full") == value("unreachable") == 0
    assert "secret" not in str(logs)


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()
    service = Away(100, stop_after=3, stop=stop)
    with pytest.raises(StoppedError):
        wait(service, stop)
    assert service.calls == 3


def test_an_answer_is_taken_even_when_we_are_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    assert wait(Away(0), stop) == "here"


def test_any_other_failure_passes_through() -> None:
    def broken() -> str:
        raise KeyError("x")

    with pytest.raises(KeyError):
        persist(broken, service="redis", absent=(ConnectionError,), stop=threading.Event())
