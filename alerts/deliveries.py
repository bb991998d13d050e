"""The deliverer: what is due goes through deduplicate, send, record.

What if we die here? After the claim, or while sending: the lease runs out, and the delivery is tried again. After
sending, before recording: the same, and the endpoint gets the same webhook-id a second time, which tells it so.
At least once, then, and never another id for the same event.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from alerts import metrics, outbox
from alerts.bell import DELIVERIES, Bell
from alerts.books import Books
from alerts.endpoints import Endpoint
from alerts.outbox import Claimed
from alerts.retries import Schedule
from alerts.sending import Sender
from alerts.stages import Deduplicate, Delivery, Record, Send, Stage

__all__ = ["Clock", "Deliverer"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""

_LOOK_UPS = 32
"""Threads that resolve names: a resolver that hangs holds up those who ask it, and nothing else."""


class Deliverer:
    """Empties the outbox; any number may run beside each other.

    At most `per_endpoint` attempts are under way to one endpoint, so one that hangs only holds up itself, and at most
    `at_once` in all. `timeout` ends an attempt; a claim holds for `lease`, which should outlast an attempt and the
    writing down of it: after that, another process (or this one) tries again, under the same id.
    """

    def __init__(
        self,
        engine: Engine,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        *,
        schedule: Schedule | None = None,
        timeout: timedelta = timedelta(seconds=15),
        lease: timedelta = timedelta(seconds=60),
        per_endpoint: int = 4,
        at_once: int = 512,
        poll_s: float = 1.0,
    ) -> None:
        self._engine = engine
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._clock = clock
        self._schedule = schedule or Schedule()
        self._timeout = timeout
        self._lease = lease
        self._per_endpoint = per_endpoint
        self._at_once = at_once
        self._poll_s = poll_s

    def run(self, stop: threading.Event) -> None:
        """Delivers until `stop` is set; attempts under way are finished and recorded first."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="look-up"))
        books = Books(self._engine, stop)
        async with Sender(timeout=self._timeout, at_once=self._at_once) as sender:
            stages = (Deduplicate(books), Send(sender, self._clock), Record(books, self._schedule, self._clock))
            with Bell(self._engine, DELIVERIES, self._poll_s) as bell, ThreadPoolExecutor(1) as ear:
                await self._rounds(books, stages, lambda: loop.run_in_executor(ear, _hear, bell, stop), stop)

    async def _rounds(
        self,
        books: Books,
        stages: Sequence[Stage],
        hear: Callable[[], asyncio.Future[None]],
        stop: threading.Event,
    ) -> None:
        """Claims whenever something may be due or a slot is free; ends with nothing under way."""
        under_way: dict[asyncio.Future[None], str] = {}
        ring = hear()
        while not stop.is_set():
            slots = self._free(Counter(under_way.values()))
            claimed = await books.run(partial(self._claim, slots))
            for each in claimed or ():
                under_way[asyncio.ensure_future(self._deliver(each, stages))] = each.endpoint
            done, _ = await asyncio.wait({ring, *under_way}, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                future.result()
                under_way.pop(future, None)
            if ring.done():
                ring = hear()
        await asyncio.gather(ring, *under_way)

    def _claim(self, slots: Mapping[str, int], connection: Connection) -> Sequence[Claimed]:
        metrics.deliveries_pending.set(outbox.pending(connection))
        return outbox.claim(connection, slots, self._clock(), self._lease)

    async def _deliver(self, claimed: Claimed, stages: Sequence[Stage]) -> None:
        delivery: Delivery | None = Delivery(claimed, self._endpoints[claimed.endpoint])
        for stage in stages:
            if delivery is None:
                return
            delivery = await stage(delivery)

    def _free(self, under_way: Counter[str]) -> dict[str, int]:
        """How many more attempts each endpoint may have; those with fewest under way are served first."""
        left = self._at_once - under_way.total()
        slots: dict[str, int] = {}
        for name in sorted(self._endpoints, key=lambda name: (under_way[name], name)):
            slots[name] = max(0, min(left, self._per_endpoint - under_way[name]))
            left -= slots[name]
        return slots


def _hear(bell: Bell, stop: threading.Event) -> None:
    bell.listen()
    bell.wait(stop)
