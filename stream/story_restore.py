"""Fills the story index again where Redis forgot it, from PostgreSQL and from what is scored and not booked yet.

While the index is being filled the scorer waits: on an empty one every reprint would count as news.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from storage.stories import StoredStory, stored_since
from storage.tables import positions
from stream.backoff import persist
from stream.intake import joined
from stream.novelty import Known, StoryIndex
from stream.topics import TopicsError
from stream.unbooked import unbooked

__all__ = ["StoryRestore"]

_log = structlog.get_logger()

_AT_ONCE = 256


class StoryRestore:
    """Give it to `StoryIndex`: it is called when the index was lost, and waits for a database or broker that is away.

    `topic` is documents.scored; `keep` how long a document is remembered after it was stored.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        engine: Engine,
        *,
        keep: timedelta,
        clock: Callable[[], datetime],
        stop: threading.Event,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._engine = engine
        self._keep = keep
        self._clock = clock
        self._stop = stop

    def __call__(self, index: StoryIndex) -> None:
        """Puts the documents of the last days back. Raises redis.RedisError, and StoppedError when told to stop."""
        # How far the books reach, before they are read: what is booked meanwhile is read twice, and nothing never.
        booked = persist(self._booked, service="database", absent=(OperationalError,), stop=self._stop)
        if any(booked.values()):  # the first start of all has nothing to lose
            _log.warning("stories_lost", fix="nothing: they are read back, and scoring waits for it")
        stored = persist(lambda: self._stored(index), service="database", absent=(OperationalError,), stop=self._stop)
        under_way = persist(
            lambda: self._under_way(index, booked), service="broker", absent=(TopicsError,), stop=self._stop
        )
        _log.info("stories_restored", documents=stored, not_booked_yet=under_way)

    def _booked(self) -> dict[int, int]:
        query = select(positions.c.partition, positions.c.next_offset).where(positions.c.topic == self._topic)
        with self._engine.connect() as connection:
            return dict(tuple(row) for row in connection.execute(query))

    def _stored(self, index: StoryIndex) -> int:
        now = self._clock()
        stored = (self._known(one, now) for one in stored_since(self._engine, now - self._keep))
        return sum(index.remember(some) for some in _chunks(stored))

    def _under_way(self, index: StoryIndex, booked: dict[int, int]) -> int:
        count = 0
        for some in unbooked(self._bootstrap, self._topic, booked):
            stories = [
                StoredStory(d.document_id, d.story_id, d.origin, d.published_at, self._clock(), d.title, d.body)
                for d in some
            ]
            count += index.remember([self._known(one, one.ingested_at) for one in stories], newer=True)
        return count

    def _known(self, one: StoredStory, now: datetime) -> Known:
        return Known(
            document_id=one.document_id,
            text=joined(one.title, one.body),
            published_at=one.published_at,
            origin=f"{one.origin.topic}/{one.origin.partition}/{one.origin.offset}",
            story_id=one.story_id,
            left=min(one.ingested_at + self._keep - now, self._keep),
        )


def _chunks(items: Iterator[Known]) -> Iterator[list[Known]]:
    while some := list(islice(items, _AT_ONCE)):
        yield some
