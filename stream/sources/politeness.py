"""How a guest behaves: not too often, not all at once, and longer away the less it is wanted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stream.sources.source import Clock

__all__ = ["HostGate", "back_off_s", "retry_after_s"]

LONGEST_S = 6 * 3600.0
_LONGEST_ASKED_S = 24 * 3600.0
"""A server may ask to be left alone for a day; one that says a year has made a mistake."""


def back_off_s(failures: int, poll_s: float, *, asked_s: float | None, chance: random.Random) -> float:
    """Seconds until the next try after `failures` in a row: doubling from the usual pause up to six hours.

    Between half and all of that, by chance, so that feeds that failed together do not come back together; never
    less than the server asked for, up to a day.
    """
    pause = min(poll_s * 2.0 ** min(failures, 20), max(LONGEST_S, poll_s))
    pause *= chance.uniform(0.5, 1.0)
    return max(pause, min(asked_s or 0.0, _LONGEST_ASKED_S))


def retry_after_s(header: str, now: datetime) -> float | None:
    """What a Retry-After header asks for, in seconds from now; None where there is none or it is no time."""
    text = header.strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


class HostGate:
    """Lets one request a time through to each host, and the next one `delay_s` after it ended."""

    def __init__(self, delay_s: float, clock: Clock, wait: Callable[[float], Awaitable[None]]) -> None:
        """`wait` pauses for some seconds."""
        self._delay_s = delay_s
        self._clock = clock
        self._wait = wait
        self._locks: dict[str, asyncio.Lock] = {}
        self._ended: dict[str, datetime] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Waits for the host's turn and holds it for the block."""
        async with self._locks.setdefault(host, asyncio.Lock()):
            ended = self._ended.get(host)
            if ended is not None:
                left_s = self._delay_s - (self._clock() - ended).total_seconds()
                if left_s > 0:
                    await self._wait(left_s)
            try:
                yield
            finally:
                self._ended[host] = self._clock()
