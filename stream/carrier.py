"""Carries batches of entries to the books, and goes back for records that Faust passed over or the books forgot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from faust.types import TP
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from storage.errors import PositionError
from storage.tables import positions
from stream.backoff import persist
from stream.log_records import Entry
from stream.metrics import LAG
from stream.reading_order import ReadingOrder, Sorted
from stream.rereading import Lose, Rereading

__all__ = ["Book", "Carrier"]

_log = structlog.get_logger()

Book = Callable[[Sequence[Entry]], None]


class Carrier:
    """What the agents share. Its coroutines run in Faust's loop; what blocks runs in threads."""

    def __init__(
        self,
        bootstrap: str,
        engine: Engine,
        stop: threading.Event,
        *,
        expect: Callable[[set[TP]], None],
        lose: Lose,
        went_back: Callable[[], None],
    ) -> None:
        """`expect` is told which partitions are about to be read, `lose` what the log no longer has: both write.

        `went_back` is called when the books turn out to be older than they were.
        """
        self._engine = engine
        self._stop = stop
        self._expect = expect
        self._order = ReadingOrder()
        self._rereading = Rereading(bootstrap, self._order, stop, lose=lose, went_back=went_back)
        self._waited_for: dict[TP, int] = {}
        self._booking = 0

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Where each of our partitions goes on, as PostgreSQL has it; waits for a database that is away.

        From here on only these partitions are ours. Raises StoppedError.
        """
        known = self._patiently(self._read_positions)
        wanted = {tp: known.get((tp.topic, tp.partition), 0) for tp in assigned}
        if assigned:
            self._patiently(lambda: self._expect(assigned))
        self._order.assigned({(tp.topic, tp.partition): offset for tp, offset in wanted.items()})
        return wanted

    def _patiently(self, work: Callable[[], Any]) -> Any:
        return persist(work, service="database", absent=(OperationalError,), stop=self._stop)

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
        except PositionError:
            await self._rereading.from_the_books(consumer)
            return
        finally:
            self._booking -= 1
        for tp in consumer.assignment():
            if (tp.topic, tp.partition) in told.passed_over:
                await self._rereading.of(tp, consumer)

    async def watch(self, consumer: Any) -> None:
        """Call it every few seconds: reads again where the log has records that have not come since the last call.

        A gap shows only when a later record comes. On a quiet topic none does, so we look for ourselves; and so for
        books that were taken back.
        """
        if self._booking or self._stop.is_set():
            return
        if await asyncio.to_thread(self._went_back) and not self._booking:
            await self._rereading.from_the_books(consumer)
            return
        for tp in consumer.assignment():
            expected = self._order.expected((tp.topic, tp.partition))
            if expected is None or (consumer.highwater(tp) or 0) <= expected:
                self._waited_for.pop(tp, None)
            elif self._waited_for.get(tp) == expected:
                await self._rereading.of(tp, consumer)
            else:
                self._waited_for[tp] = expected

    def _went_back(self) -> bool:
        """Whether the books stand before what they once said was booked: a standby took over, a backup came back."""
        ours = self._order.reached()
        try:
            known = self._read_positions()
        except OperationalError:
            return False  # whoever has something to book waits for it
        return any(known.get(partition, 0) < reached for partition, reached in ours.items())

    async def _book(self, told: Sorted[Entry], book: Book, consumer: Any) -> None:
        if told.next:
            await asyncio.to_thread(book, told.next)
            self._order.booked(told.ends)
            consumer.booked(told.ends)
            self._observe_lag(told.ends, consumer)

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
