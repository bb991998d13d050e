"""One topic's way into the books: while a batch is being booked, the next one is read and gathers.

A quiet topic's record is booked at once, alone; a busy topic's wait for the transaction before them and go together: a
transaction costs some milliseconds here, in PostgreSQL and in the alert engine that it wakes, whatever is in it. How
long the next batch gathers follows from how old the records are already (`pace_s`), so it grows with the traffic and
with the backlog, up to `at_once`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import structlog

from stream.backoff import StoppedError, told
from stream.carrier import Book, Carrier
from stream.log_records import Entry, LogRecord

__all__ = ["Lane", "Read", "pace_s"]

_log = structlog.get_logger()

_AFTER_DEFECT_S = 1.0
_LEAST_PACE_S, _MOST_PACE_S = 0.1, 0.5

Read = Callable[[Sequence[LogRecord]], Sequence[Entry]]


def pace_s(entries: Sequence[Entry], now: datetime) -> float:
    """Seconds from the beginning of one transaction to that of the next, while batches are not full: 0.1 to 0.5.

    As long as the youngest record has been under way, so that no record waits here for much longer than it has waited
    before: news is booked ten times a second, a backlog twice. See decision 0037.
    """
    youngest = max(one.outcome.arrived_at for one in entries)
    return min(max((now - youngest).total_seconds(), _LEAST_PACE_S), _MOST_PACE_S)


class Lane:
    """Reads records of one topic and books them, up to `at_once` in a batch, in their order. For one loop."""

    def __init__(
        self,
        name: str,
        carrier: Carrier,
        read: Read,
        book: Book,
        *,
        at_once: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._carrier = carrier
        self._read = read
        self._book = book
        self._at_once = at_once
        self._clock = clock
        self._waiting: list[Entry] = []
        self._changed = asyncio.Condition()

    async def put(self, records: Sequence[LogRecord]) -> None:
        """Reads records; waits while a full batch waits already, so that Faust fetches no further ahead.

        Call it from one place at a time.
        """
        for start in range(0, len(records), self._at_once):
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._waiting) < self._at_once)
            entries = await asyncio.to_thread(self._read, records[start : start + self._at_once])
            async with self._changed:
                self._waiting.extend(entries)
                self._changed.notify_all()

    @asynccontextmanager
    async def running(self, consumer: Any) -> AsyncIterator[None]:
        """Books what is put while the context lasts; leaving it finishes the batch in hand."""
        task = asyncio.create_task(self._run(consumer), name=f"lane-{self._name}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self, consumer: Any) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting)
                batch, self._waiting = self._waiting[: self._at_once], self._waiting[self._at_once :]
                self._changed.notify_all()
            next_at = asyncio.get_running_loop().time() + pace_s(batch, self._clock())
            try:
                await self._carrier.carry(batch, self._book, consumer)
            except StoppedError:
                _log.info("batch_left", stage=self._name, records=len(batch))
            except Exception as error:
                # A defect. The batch is not booked, so what follows it counts as passed over, and is read again.
                _log.error("batch_failed", stage=self._name, records=len(batch), **told(error))
                await asyncio.sleep(_AFTER_DEFECT_S)
            await self._gather(next_at)

    async def _gather(self, until: float) -> None:
        """Returns at `until`, in the loop's time, or once a full batch waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until), self._changed:
                await self._changed.wait_for(lambda: len(self._waiting) >= self._at_once)
