"""Fills the story index again from PostgreSQL, where Redis forgot it: what is a reprint depends on nothing else.

What was scored and is not booked yet, seconds of the stream, is not in PostgreSQL: a reprint of such a document that
comes right after counts as a story of its own. While the index is being filled the scorer waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from storage.stories import StoredStory, stored_since
from stream.backoff import persist
from stream.intake import joined
from stream.novelty import Known, StoryIndex

__all__ = ["StoryRestore"]

_log = structlog.get_logger()

_AT_ONCE = 256


class StoryRestore:
    """Give it to `StoryIndex`: it is called when the index was lost, and waits for a database that is away."""

    def __init__(
        self, engine: Engine, *, keep: timedelta, clock: Callable[[], datetime], stop: threading.Event
    ) -> None:
        self._engine = engine
        self._keep = keep
        self._clock = clock
        self._stop = stop

    def __call__(self, index: StoryIndex) -> None:
        """Puts the documents of the last days back. Raises redis.RedisError, and StoppedError when told to stop."""
        _log.warning("stories_lost", fix="nothing: they are read back from the database, and scoring waits")
        count = persist(lambda: self._fill(index), service="database", absent=(OperationalError,), stop=self._stop)
        _log.info("stories_restored", documents=count)

    def _fill(self, index: StoryIndex) -> int:
        now = self._clock()
        count = 0
        stored = stored_since(self._engine, now - self._keep)
        while some := list(islice(stored, _AT_ONCE)):
            index.remember([self._known(one, now) for one in some])
            count += len(some)
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
