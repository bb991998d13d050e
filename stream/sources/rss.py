"""RSS and Atom feeds, polled politely: each entry once, each server as seldom as it wishes."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
import structlog

from stream.sources.acknowledgement import polling
from stream.sources.errors import SourceOptionsError
from stream.sources.feed_poll import FeedPoll
from stream.sources.feed_state import FeedMemory
from stream.sources.fetching import Fetcher, host_of
from stream.sources.politeness import HostGate
from stream.sources.source import Clock, Sink

__all__ = ["Feed", "FeedSource", "Options", "build"]

_log = structlog.get_logger()

USER_AGENT = "Yuqing/0.1 (feed reader; asks conditionally and backs off)"
_AT_ONCE = 10


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One feed."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://[^/]")]
    source: str = ""
    """What its documents name as their source; the host, where this is empty. Part of their identity: keep it."""

    @property
    def source_name(self) -> str:
        return self.source or host_of(self.url).removeprefix("www.")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which feeds, how often, how much."""

    feeds: Annotated[tuple[Feed, ...], msgspec.Meta(min_length=1)]
    poll_s: Annotated[float, msgspec.Meta(ge=10)] = 300.0
    """Seconds between two looks at a feed that works."""
    host_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 2.0
    """Seconds between two requests to one host."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    max_feed_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 4 * 1024 * 1024
    """Parsing takes a second for each megabyte of a normal feed, ten of one made to hurt."""
    user_agent: str = USER_AGENT
    """Add an address where you can be reached: servers block whom they cannot ask."""


class FeedSource:
    """Polls feeds until it is stopped. What it knows about them outlives it, in `state`."""

    def __init__(
        self,
        options: Options,
        sink: Sink,
        *,
        name: str,
        state: Path,
        clock: Clock,
        chance: random.Random | None = None,
    ) -> None:
        """`chance` spreads the back-offs. Raises SourceOptionsError when two feeds have one address."""
        self.name = name
        self._options = options
        self._sink = sink
        self._state = state
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        addresses = [feed.url for feed in options.feeds]
        twice = sorted({url for url in addresses if addresses.count(url) > 1})
        if twice:
            raise SourceOptionsError(f"source {name} names a feed twice: {', '.join(twice)}. Remove one.")

    def run(self, stop: threading.Event) -> None:
        """Polls until `stop` is set; a request in hand is then dropped and made again at the next start."""
        with polling(self._sink), FeedMemory(self._state / self.name) as memory:
            asyncio.run(self._run(memory, stop))

    async def _run(self, memory: FeedMemory, stop: threading.Event) -> None:
        async with self.client() as client:
            poll = self.poller(client, memory)
            room = asyncio.Semaphore(_AT_ONCE)
            keepers = [asyncio.create_task(self._keep(feed, poll, room)) for feed in self._options.feeds]
            stopped = asyncio.create_task(_until(stop))
            try:
                # A keeper never ends by itself: one that does has failed, and its error is ours.
                await asyncio.wait([*keepers, stopped], return_when=asyncio.FIRST_COMPLETED)
                for keeper in keepers:
                    if keeper.done():
                        keeper.result()
            finally:
                await _cancel([*keepers, stopped])

    async def _keep(self, feed: Feed, poll: FeedPoll, room: asyncio.Semaphore) -> None:
        await asyncio.sleep(poll.first_pause_s(feed.url))
        while True:
            async with room:
                pause_s = await poll.poll(feed.url, feed.source_name)
            await asyncio.sleep(pause_s)

    def client(self) -> httpx.AsyncClient:
        """A client that names itself and follows nothing by itself."""
        headers = {
            "User-Agent": self._options.user_agent,
            "Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5",
            "Accept-Encoding": "gzip",
        }
        return httpx.AsyncClient(headers=headers, timeout=self._options.timeout_s, follow_redirects=False)

    def poller(self, client: httpx.AsyncClient, memory: FeedMemory) -> FeedPoll:
        """What polls one feed once."""
        options = self._options
        gate = HostGate(options.host_delay_s, self._clock, asyncio.sleep)
        fetcher = Fetcher(client, gate, max_bytes=options.max_feed_bytes, timeout_s=options.timeout_s)
        return FeedPoll(
            fetcher,
            memory,
            self._sink,
            name=self.name,
            poll_s=options.poll_s,
            clock=self._clock,
            chance=self._chance,
        )


async def _until(stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def build(options: Options, sink: Sink, *, name: str, state: Path, clock: Clock) -> FeedSource:
    """Makes the source from its options; see `FeedSource`."""
    return FeedSource(options, sink, name=name, state=state, clock=clock)
