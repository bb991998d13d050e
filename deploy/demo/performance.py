"""Feeds the two parts of the stream and waits until each is in the books, and the alert at the webhook."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Engine, text

from deploy.demo.feed import feed
from deploy.demo.newsroom import Edition
from deploy.demo.opening import Opened
from deploy.demo.progress import Board, Tally
from deploy.demo.watching import Watch
from deploy.roles import now
from deploy.services import topics_of
from stream.publisher import Publisher

__all__ = ["LIVE_PER_SECOND", "Performance"]

LIVE_PER_SECOND = 30.0
"""The pace of the live part: far above that of any news agency, and below what two cores can score."""

_PATIENCE_S = 60.0
"""Longest standstill: loading the model on a busy machine takes a third of it."""
_SETTLE_S = 20.0


class Performance:
    """One showing of an edition. `stop` ends it early."""

    def __init__(self, opened: Opened, stream: Edition, engine: Engine, board: Board, stop: threading.Event) -> None:
        self._opened = opened
        self._stream = stream
        self._engine = engine
        self._board = board
        self._stop = stop
        self._watch = Watch(
            engine,
            opened.settings.kafka.bootstrap,
            topics_of(opened.settings),
            board,
            alerts=lambda: len(opened.inbox.alerts()),
        )
        self.live_since: datetime | None = None
        """When the live part began; None where it never did."""

    @property
    def tally(self) -> Tally:
        """Where the stream stands."""
        return self._watch.tally

    def play(self) -> bool:
        """Runs to the end; False when it was stopped. Raises FeedError and StalledError."""
        with Publisher(self._opened.settings.kafka.bootstrap, topics_of(self._opened.settings)) as publisher:
            self._board.phase("four days, at full speed")
            if not self._part(publisher, live=False):
                return False
            self._board.phase("the last hours, live")
            self.live_since = now()
            if not self._part(publisher, live=True):
                return False
            self._board.phase("waiting for the webhook")
            return self._watch.until(lambda _: self._settled(), stop=self._stop, patience_s=_SETTLE_S)

    def _part(self, publisher: Publisher, *, live: bool) -> bool:
        """Feeds one part in a thread of its own, so that the board moves meanwhile."""
        items = self._stream.live if live else self._stream.history
        before = len(self._stream.history) if live else 0
        with ThreadPoolExecutor(1) as pool:
            job: Future[int] = pool.submit(
                feed,
                publisher,
                items,
                stop=self._stop,
                per_second=LIVE_PER_SECOND if live else None,
                on_sent=lambda sent: self._watch.read(before + sent),
            )

            def through(tally: Tally) -> bool:
                return tally.counted >= before + len(items) or (job.done() and job.exception() is not None)

            reached = self._watch.until(through, stop=self._stop, patience_s=_PATIENCE_S)
            job.result()
        return reached

    def _settled(self) -> bool:
        """Whether the bank's alert is here and neither a judgement nor a delivery is still to come."""
        if self._stream.crisis_entity not in {alert.entity for alert in self._opened.inbox.alerts()}:
            return False
        with self._engine.connect() as connection:
            query = (
                "SELECT NOT EXISTS (SELECT FROM changed_buckets) "
                "AND NOT EXISTS (SELECT FROM deliveries WHERE state = 'pending')"
            )
            return bool(connection.execute(text(query)).scalar_one())
