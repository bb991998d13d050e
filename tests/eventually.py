"""Waiting for another process: the one place where a test may poll, because nobody there can tell it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


def eventually(predicate: Callable[[], T], timeout_s: float = 30, *, every_s: float = 0.05, what: str = "") -> T:
    """The first true value of `predicate`; an AssertionError that shows the last one when time is up.

    An exception of the predicate counts as "not yet", and is the cause of the failure if it stays.
    """
    deadline = monotonic() + timeout_s
    while True:
        failure: Exception | None = None
        value: T | None = None
        try:
            value = predicate()
        except Exception as error:
            failure = error
        if value:
            return value
        if monotonic() > deadline:
            name = what or getattr(predicate, "__name__", "the predicate")
            raise AssertionError(f"{name} not true within {timeout_s:g} s; last: {failure or value!r}") from failure
        Event().wait(every_s)
