"""Goes back in the log: to a record that was passed over, or to where the books stand when they were taken back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from faust.types import TP
from sqlalchemy.exc import OperationalError

from storage.errors import PositionError
from stream.backoff import persist
from stream.metrics import REREAD
from stream.reading_order import ReadingOrder
from stream.topics import TopicsError, first_offset_from

__all__ = ["Lose", "Rereading"]

_log = structlog.get_logger()

_SETTLE_S = 0.05
"""Time for Faust's fetching loop to see that the flow has stopped; it looks before every message."""

_SEEK_AGAIN_S = 1.0

Lose = Callable[[str, int, int, int], None]
"""Notes records of a topic and partition, from an offset up to (without) another, as lost. Blocks."""


class Rereading:
    """Its coroutines run in Faust's loop; what blocks runs in threads."""

    def __init__(
        self,
        bootstrap: str,
        order: ReadingOrder,
        stop: threading.Event,
        *,
        lose: Lose,
        went_back: Callable[[], None],
    ) -> None:
        """`lose` notes what the log no longer has, `went_back` hears that the books are older than they were."""
        self._bootstrap = bootstrap
        self._order = order
        self._stop = stop
        self._lose = lose
        self._went_back = went_back
        self._sought: dict[TP, tuple[int | None, float]] = {}

    async def of(self, tp: TP, consumer: Any) -> None:
        """Seeks back to the record of a partition that should have come; what the log no longer has is lost."""
        expected = self._order.expected((tp.topic, tp.partition))
        now = asyncio.get_running_loop().time()
        if tp in self._sought and self._sought[tp][0] == expected and now < self._sought[tp][1] + _SEEK_AGAIN_S:
            return  # these were on their way before the last seek
        self._sought[tp] = (expected, now)
        if expected is None:  # assigned, but the seek to our position did not come through
            await consumer.perform_seek()
            return
        try:
            found = await asyncio.to_thread(self._find, tp, expected)
        except PositionError:
            await self.from_the_books(consumer)
            return
        REREAD.labels(tp.topic).inc()
        _log.warning("records_passed_over", topic=tp.topic, partition=tp.partition, back_to=found)
        async with _still(consumer):
            await consumer.seek_wait({tp: found})

    async def from_the_books(self, consumer: Any) -> None:
        """Reads all our partitions again from where the books stand now."""
        _log.error("books_went_back", fix="nothing: records are read again from where the database stands")
        self._went_back()
        async with _still(consumer):
            await consumer.perform_seek()

    def _find(self, tp: TP, expected: int) -> int:
        found = persist(
            lambda: first_offset_from(self._bootstrap, tp.topic, tp.partition, expected),
            service="broker",
            absent=(TopicsError,),
            stop=self._stop,
        )
        if found > expected:
            _log.error("records_lost", topic=tp.topic, partition=tp.partition, first=expected, last=found - 1)
            persist(
                lambda: self._lose(tp.topic, tp.partition, expected, found),
                service="database",
                absent=(OperationalError,),
                stop=self._stop,
            )
            self._order.skip_to((tp.topic, tp.partition), found)
        return found


@asynccontextmanager
async def _still(consumer: Any) -> AsyncIterator[None]:
    """Stopping the flow breaks Faust's loop over what it has fetched, which would move a seek on again."""
    consumer.stop_flow()
    await consumer.wait_for_stopped_flow()
    await asyncio.sleep(_SETTLE_S)
    try:
        yield
    finally:
        consumer.resume_flow()
