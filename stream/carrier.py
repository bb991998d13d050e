"""Carries batches of entries to the books, and goes back for records that Faust passed over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from faust.types import TP
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from storage.tables import positions
from stream.backoff import persist
from stream.log_records import Entry
from stream.metrics import LAG, REREAD
from stream.reading_order import ReadingOrder, Sorted
from stream.topics import TopicsError, first_offset_from

__all__ = ["Book", "Carrier"]

_log = structlog.get_logger()

_SETTLE_S = 0.05
"""Time for Faust's fetching loop to see that the flow has stopped; it looks before every message."""

_SEEK_AGAIN_S = 1.0

Book = Callable[[Sequence[Entry]], None]


class Carrier:
    """What the agents share. Its coroutines run in Faust's loop; what blocks runs in threads."""

    def __init__(
        self, bootstrap: str, engine: Engine, stop: threading.Event, *, expect: Callable[[set[TP]], None] | None = None
    ) -> None:
        self._bootstrap = bootstrap
        self._engine = engine
        self._stop = stop
        self._expect = expect
        self._order = ReadingOrder()
        self._sought: dict[TP, tuple[int | None, float]] = {}
        self._waited_for: dict[TP, int] = {}
        self._booking = 0

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Where each of our partitions goes on, as PostgreSQL has it; waits for a database that is away.

        From here on only these partitions are ours. `expect` is told which have no position yet. Raises StoppedError.
        """
        known = persist(self._read_positions, service="database", absent=(OperationalError,), stop=self._stop)
        wanted = {tp: known.get((tp.topic, tp.partition), 0) for tp in assigned}
        unread = {tp for tp in assigned if (tp.topic, tp.partition) not in known}
        if self._expect is not None and unread:
            expect = self._expect
            persist(lambda: expect(unread), service="database", absent=(OperationalError,), stop=self._stop)
        self._order.assigned({(tp.topic, tp.partition): offset for tp, offset in wanted.items()})
        return wanted

    def _read_positions(self) -> dict[tuple[str, int], int]:
        query = select(positions.c.topic, positions.c.partition, positions.c.next_offset)
        with self._engine.connect() as connection:
            return {(topic, partition): offset for topic, partition, offset in connection.execute(query)}

    async def carry(self, entries: Sequence[Entry], book: Book, consumer: Any) -> None:
        """Books the records that are next in their partitions, then tells the consumer how far they reach.

        Raises StoppedError when told to stop before they are booked.
        """
        if self._stop.is_set():
            return
        told = self._order.sort(entries)
        self._booking += 1
        try:
            await _finish(self._book(told, book, consumer))
        finally:
            self._booking -= 1
        for tp in consumer.assignment():
            if (tp.topic, tp.partition) in told.passed_over:
                await self._reread(tp, consumer)

    async def watch(self, consumer: Any) -> None:
        """Call it every few seconds: reads again where the log has records that have not come since the last call.

        A gap shows only when a later record comes. On a quiet topic none does, so we look for ourselves.
        """
        if self._booking or self._stop.is_set():
            return
        for tp in consumer.assignment():
            expected = self._order.expected((tp.topic, tp.partition))
            if expected is None or (consumer.highwater(tp) or 0) <= expected:
                self._waited_for.pop(tp, None)
            elif self._waited_for.get(tp) == expected:
                await self._reread(tp, consumer)
            else:
                self._waited_for[tp] = expected

    async def _book(self, told: Sorted[Entry], book: Book, consumer: Any) -> None:
        if told.next:
            await asyncio.to_thread(book, told.next)
            self._order.booked(told.ends)
            consumer.booked(told.ends)
            self._observe_lag(told.ends, consumer)

    async def _reread(self, tp: TP, consumer: Any) -> None:
        """Seeks back to the record that should have come."""
        expected = self._order.expected((tp.topic, tp.partition))
        now = asyncio.get_running_loop().time()
        if tp in self._sought and self._sought[tp][0] == expected and now < self._sought[tp][1] + _SEEK_AGAIN_S:
            return  # these were on their way before the last seek
        self._sought[tp] = (expected, now)
        if expected is None:  # assigned, but the seek to our position did not come through
            await consumer.perform_seek()
            return
        found = await asyncio.to_thread(
            persist,
            lambda: first_offset_from(self._bootstrap, tp.topic, tp.partition, expected),
            service="broker",
            absent=(TopicsError,),
            stop=self._stop,
        )
        if found != expected:
            _log.error("records_expired", topic=tp.topic, partition=tp.partition, expected=expected, found=found)
            self._order.skip_to((tp.topic, tp.partition), found)
        REREAD.labels(tp.topic).inc()
        _log.warning("records_passed_over", topic=tp.topic, partition=tp.partition, back_to=found)
        # Stopping the flow breaks Faust's loop over what it has fetched, which would move the seek on again.
        consumer.stop_flow()
        await consumer.wait_for_stopped_flow()
        await asyncio.sleep(_SETTLE_S)
        await consumer.seek_wait({tp: found})
        consumer.resume_flow()

    def _observe_lag(self, ends: Mapping[tuple[str, int], int], consumer: Any) -> None:
        for tp in consumer.assignment():
            if (tp.topic, tp.partition) in ends:
                lag = (consumer.highwater(tp) or 0) - ends[tp.topic, tp.partition]
                LAG.labels("windows", tp.topic, str(tp.partition)).set(max(lag, 0))


async def _finish(work: Awaitable[None]) -> None:
    """Lets work come to its end even when we are cancelled: a stop finishes the batch in hand."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
