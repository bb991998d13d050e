"""The real clocks: the wall's, which may be set, and one for durations, which no setting moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["ClockWatch", "SteadyClock", "careful", "now"]


def now() -> datetime:
    """The wall clock: aware, in UTC."""
    return datetime.now(UTC)


def _since_boot() -> float:
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; it goes on while the machine sleeps
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """The time at its making by the wall clock, and from then on what has really passed. It is never set.

    For whatever waits: a wall clock that is set back by a day would make it wait a day.
    """

    def __init__(self, wall: Callable[[], datetime] = now, passing: Callable[[], float] = _since_boot) -> None:
        self._passing = passing
        self._start = (wall(), passing())

    def __call__(self) -> datetime:
        start, began = self._start
        return start + timedelta(seconds=self._passing() - began)


def careful(wall: Callable[[], datetime], steady: Callable[[], datetime]) -> Callable[[], datetime]:
    """The earlier of two clocks: for what cannot be undone, such as dropping what is old."""
    return lambda: min(wall(), steady())


class ClockWatch:
    """Notices when the wall clock is set."""

    def __init__(self, wall: Callable[[], datetime], steady: Callable[[], datetime]) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead = wall() - steady()

    def jump(self) -> timedelta:
        """How far the wall clock was set, forwards or (negative) back, since the last call; zero below a minute."""
        ahead = self._wall() - self._steady()
        jump, self._ahead = ahead - self._ahead, ahead
        return jump if abs(jump) >= timedelta(minutes=1) else timedelta()
