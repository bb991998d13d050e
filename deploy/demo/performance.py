"""Feeds the two parts of the stream and waits until each is in the books, and the alert at the webhook."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Engine, text

from deploy.demo.feed import feed
from deploy.demo.items import Item
from deploy.demo.newsroom import Edition
from deploy.demo.opening import Opened
from deploy.demo.progress import Board, Tally
from deploy.demo.watching import Watch
from deploy.roles import now
from deploy.services import topics_of
from stream.publisher import Publisher

__all__ = ["Performance", "live_pace"]

_FASTEST, _SLOWEST = 30.0, 6.0
"""Records a second of the live part: far above any news agency, and not for ever on a machine that is busy."""

_PATIENCE_S = 180.0
"""Longest standstill: on a machine that does much else, four roles take a minute to load."""
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
        self.live_per_second = 0.0

    @property
    def tally(self) -> Tally:
        """Where the stream stands."""
        return self._watch.tally

    def play(self) -> bool:
        """Runs to the end; False when it was stopped. Raises FeedError and StalledError."""
        with Publisher(self._opened.settings.kafka.bootstrap, topics_of(self._opened.settings)) as publisher:
            self._board.phase("two weeks, at full speed")
            began = now()
            if not self._part(publisher, self._stream.history, before=0, per_second=None):
                return False
            self.live_since = now()
            self.live_per_second = live_pace(len(self._stream.history), (self.live_since - began).total_seconds())
            self._board.phase(f"the last hours, live, {self.live_per_second:.0f} a second")
            before = len(self._stream.history)
            if not self._part(publisher, self._stream.live, before=before, per_second=self.live_per_second):
                return False
            self._board.phase("waiting for the webhook")
            return self._watch.until(lambda _: self._settled(), stop=self._stop, patience_s=_SETTLE_S)

    def _part(self, publisher: Publisher, items: Sequence[Item], *, before: int, per_second: float | None) -> bool:
        """Feeds one part in a thread of its own, so that the board moves meanwhile; `before` were fed already."""
        with ThreadPoolExecutor(1) as pool:
            job: Future[int] = pool.submit(
                feed,
                publisher,
                items,
                stop=self._stop,
                per_second=per_second,
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


def live_pace(records: int, seconds: float) -> float:
    """Records a second: half of what the machine has just shown that it can do, between 6 and 30.

    At more than it can do, a latency would only be the length of the queue.
    """
    return max(_SLOWEST, min(_FASTEST, records / max(seconds, 0.001) / 2))
