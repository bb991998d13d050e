"""One look at one feed: fetch, read, publish what is new, and only then remember it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from stream.documents import RawDocument, document_id
from stream.publisher import PublishError, QueueFullError
from stream.sources.acknowledgement import BrokerWatch, send_all
from stream.sources.errors import FeedError
from stream.sources.feed_entries import read_feed
from stream.sources.feed_state import FeedMemory, FeedState
from stream.sources.fetching import Fetched, Fetcher
from stream.sources.metrics import DOCUMENTS, FETCHES
from stream.sources.politeness import back_off_s
from stream.sources.source import Clock, Sink

__all__ = ["FeedPoll"]

_log = structlog.get_logger()

_GONE_S = 30 * 24 * 3600.0
"""A feed that its server calls gone for good is asked once a month, in case that was a mistake."""
_SILENCE_S = 10.0
_DOUBT_MOVE = 3
"""Failures in a row after which the address in the settings is tried again instead of the one it moved to."""


class FeedPoll:
    """Polls feeds, one at a call; several may be on their way at once."""

    def __init__(
        self,
        fetcher: Fetcher,
        memory: FeedMemory,
        sink: Sink,
        *,
        name: str,
        poll_s: float,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._fetcher = fetcher
        self._memory = memory
        self._sink = sink
        self._name = name
        self._poll_s = poll_s
        self._clock = clock
        self._chance = chance
        self._broker = BrokerWatch(name)

    def first_pause_s(self, url: str) -> float:
        """Seconds until a feed may be asked for the first time after a start."""
        not_before = self._memory.load(url).not_before
        return max(0.0, (not_before - self._clock()).total_seconds()) if not_before else 0.0

    async def poll(self, url: str, source: str) -> float:
        """Looks at a feed once; returns the seconds until the next look. Never fails for the feed's sake.

        1. Fetch, with the validators of the last time.
        2. Publish the entries that it has not shown before, and wait for the broker.
        3. Remember entries and validators, in one transaction.
        A kill between 2 and 3 publishes them again, and downstream recognises them.
        """
        state = self._memory.load(url)
        try:
            fetched = await self._fetcher.fetch(
                state.moved_to or url, etag=state.etag, last_modified=state.last_modified, now=self._clock()
            )
            shown = await self._read(fetched, source)
            fresh = self._memory.unseen(url, list(shown))
            await self._publish([document for identity, document in shown.items() if identity in fresh])
        except FeedError as error:
            return self._failed(url, state, error)
        self._succeeded(url, state, fetched, list(shown))
        FETCHES.labels(source=self._name, outcome="new" if fresh else "unchanged").inc()
        return self._poll_s

    async def _read(self, fetched: Fetched, source: str) -> dict[UUID, RawDocument]:
        if fetched.content is None:
            return {}
        documents = await asyncio.to_thread(
            read_feed, fetched.content, content_type=fetched.content_type, source=source, fetched_at=self._clock()
        )
        return {document_id(each): each for each in documents}

    async def _publish(self, documents: Sequence[RawDocument]) -> None:
        """Returns when the broker has all; waits for one that is away."""
        while documents:
            try:
                answer = asyncio.wrap_future(await asyncio.to_thread(send_all, self._sink, documents))
                while not (await asyncio.wait([answer], timeout=_SILENCE_S))[0]:
                    self._broker.lost(PublishError(f"no acknowledgement for {_SILENCE_S:g} s"))
                answer.result()
            except QueueFullError as error:
                self._broker.lost(error)
                continue
            except PublishError as error:
                raise FeedError("refused_by_broker", str(error)) from error
            self._broker.back()
            DOCUMENTS.labels(source=self._name).inc(len(documents))
            return

    def _succeeded(self, url: str, state: FeedState, fetched: Fetched, shown: Sequence[UUID]) -> None:
        moved_to = fetched.moved_to or state.moved_to
        if moved_to != state.moved_to:
            _log.warning(
                "feed_moved", source=self._name, url=url, to=moved_to, fix="put the new address in the settings"
            )
        if state.failures:
            _log.info("feed_recovered", source=self._name, url=url, failures=state.failures)
        fresh = FeedState(etag=fetched.etag, last_modified=fetched.last_modified, moved_to=moved_to)
        self._memory.save(url, fresh, shown)

    def _failed(self, url: str, state: FeedState, error: FeedError) -> float:
        """Notes a failure; returns the seconds until the next try."""
        failures = state.failures + 1
        if error.reason == "gone":
            pause_s = _GONE_S
        else:
            pause_s = back_off_s(failures, self._poll_s, asked_s=error.retry_after_s, chance=self._chance)
        if failures == 1:  # said once, until it works again
            _log.warning("feed_failed", source=self._name, url=url, reason=error.reason, detail=error.detail)
        FETCHES.labels(source=self._name, outcome=error.reason).inc()
        failed = msgspec.structs.replace(
            state,
            failures=failures,
            not_before=self._clock() + timedelta(seconds=pause_s),
            moved_to="" if failures % _DOUBT_MOVE == 0 else state.moved_to,
        )
        self._memory.save(url, failed)
        return pause_s
