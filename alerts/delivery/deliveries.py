"""The deliverer: what is due goes through deduplicate, send, record.

What if we die here? After the claim, or while sending: the lease runs out, and the delivery is tried again. After
sending, before recording: the same, and the endpoint gets the same webhook-id a second time, which tells it so.
At least once, then, and never another id for the same event.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from alerts import metrics
from alerts.bell import DELIVERIES, Bell
from alerts.delivery import endpoint_states, outbox
from alerts.delivery.books import Books
from alerts.delivery.channels import Channel, ChannelSender
from alerts.delivery.endpoint_states import Breaker
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.outbox import Claimed
from alerts.delivery.retries import Schedule
from alerts.delivery.sending import Sender
from alerts.delivery.stages import Deduplicate, Delivery, Record, Send, Stage

__all__ = ["Clock", "Deliverer"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""

_LOOK_UPS = 32
"""Threads that resolve names: a resolver that hangs holds up those who ask it, and nothing else."""

_GATHER_S = 0.005
"""Ends of attempts that lie this close together are answered by one claim."""

_COUNT_EVERY = timedelta(seconds=1)


class Deliverer:
    """Empties the outbox; any number may run beside each other.

    At most `per_endpoint` attempts are under way to one endpoint (one where its order is kept), so one that hangs
    only holds up itself, and at most `at_once` in all; one that fails again and again rests, says `breaker`.
    `timeout` ends an attempt; a claim holds for `lease`, which should outlast an attempt and the writing down of it:
    after that, another process (or this one) tries again, under the same id.
    """

    def __init__(
        self,
        engine: Engine,
        endpoints: Sequence[Endpoint | Channel],
        clock: Clock,
        *,
        schedule: Schedule | None = None,
        timeout: timedelta = timedelta(seconds=15),
        lease: timedelta = timedelta(seconds=60),
        per_endpoint: int = 4,
        at_once: int = 1024,
        poll_s: float = 1.0,
        breaker: Breaker | None = None,
    ) -> None:
        self._engine = engine
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._clock = clock
        self._schedule = schedule or Schedule()
        self._breaker = breaker or Breaker()
        self._ordered = frozenset(endpoint.name for endpoint in endpoints if endpoint.ordered)
        self._timeout = timeout
        self._lease = lease
        self._per_endpoint = per_endpoint
        self._at_once = at_once
        self._poll_s = poll_s
        self._counted_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Delivers until `stop` is set; attempts under way are finished and recorded first."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="look-up"))
        books = Books(self._engine, stop)
        channels = ChannelSender()
        async with Sender(timeout=self._timeout) as sender:
            stages = (
                Deduplicate(books, self._clock, self._lease),
                Send(sender, channels, self._clock),
                Record(books, self._schedule, self._breaker, self._clock),
            )
            with Bell(self._engine, DELIVERIES, self._poll_s) as bell, ThreadPoolExecutor(1) as ear:
                await self._rounds(books, stages, lambda: loop.run_in_executor(ear, _hear, bell, stop), stop)
        channels.close()

    async def _rounds(
        self,
        books: Books,
        stages: Sequence[Stage],
        hear: Callable[[], asyncio.Future[None]],
        stop: threading.Event,
    ) -> None:
        """Claims when something may be due, for those who may have it; ends with nothing under way.

        `hungry` are the endpoints that may have more waiting: all of them when the bell has rung, and whoever got as
        many as it had slots for.
        """
        under_way: dict[asyncio.Future[None], str] = {}
        hungry = set(self._endpoints)
        ring = hear()
        while not stop.is_set():
            slots = self._free(hungry, Counter(under_way.values()))
            claimed = await books.run(partial(self._claim, slots)) if any(slots.values()) else ()
            for each in claimed or ():
                under_way[asyncio.ensure_future(self._deliver(each, stages))] = each.endpoint
            got = Counter(each.endpoint for each in claimed or ())
            hungry -= {name for name, wanted in slots.items() if 0 < wanted != got[name]}
            await asyncio.wait({ring, *under_way}, return_when=asyncio.FIRST_COMPLETED)
            if not ring.done():
                await asyncio.sleep(_GATHER_S)
            for future in [each for each in under_way if each.done()]:
                future.result()
                under_way.pop(future)
            if ring.done():
                ring = hear()
                hungry = set(self._endpoints)
        await asyncio.gather(ring, *under_way)

    def _claim(self, slots: Mapping[str, int], connection: Connection) -> Sequence[Claimed]:
        now = self._clock()
        states = endpoint_states.stored(connection)
        for name, state in states.items():
            if state.disabled_at is not None and name in slots:
                outbox.dead_all(connection, name, f"disabled: {state.why}")
        allowed = self._breaker.slots(slots, states, now)
        claimed = outbox.claim(connection, allowed, now, self._lease, ordered=self._ordered)
        self._count(connection, now)
        return claimed

    def _count(self, connection: Connection, now: datetime) -> None:
        """Sets the gauge, once a second at most: counting a long outbox is work."""
        if self._counted_at is None or now >= self._counted_at + _COUNT_EVERY:
            self._counted_at = now
            metrics.deliveries_pending.set(outbox.pending(connection))

    async def _deliver(self, claimed: Claimed, stages: Sequence[Stage]) -> None:
        delivery: Delivery | None = Delivery(claimed, self._endpoints[claimed.endpoint])
        for stage in stages:
            if delivery is None:
                return
            delivery = await stage(delivery)

    def _free(self, hungry: Container[str], under_way: Counter[str]) -> dict[str, int]:
        """How many more attempts each hungry endpoint may have; those with fewest under way are served first."""
        left = self._at_once - under_way.total()
        slots: dict[str, int] = {}
        wanting = [name for name in self._endpoints if name in hungry]
        for name in sorted(wanting, key=lambda name: (under_way[name], name)):
            most = 1 if name in self._ordered else self._per_endpoint
            slots[name] = max(0, min(left, most - under_way[name]))
            left -= slots[name]
        return slots


def _hear(bell: Bell, stop: threading.Event) -> None:
    bell.listen()
    bell.wait(stop)
