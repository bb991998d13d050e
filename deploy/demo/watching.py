"""Follows a running pipeline from outside: asks broker and database, shows the board, waits for a state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Engine

from deploy.demo.books import counted
from deploy.demo.progress import Board, Tally
from stream.topics import Topics, TopicsError, offsets

__all__ = ["StalledError", "Watch"]

_EVERY_S = 0.25


class StalledError(RuntimeError):
    """Nothing moved for too long."""


class Watch:
    """One look at the pipeline after another. `alerts` says how many alerts have come so far."""

    def __init__(
        self, engine: Engine, bootstrap: str, topics: Topics, board: Board, *, alerts: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._bootstrap = bootstrap
        self._topics = topics
        self._board = board
        self._alerts = alerts
        self._lock = threading.Lock()
        self.tally = Tally()

    def look(self) -> Tally:
        """Asks, shows and returns."""
        with self._engine.connect() as connection:
            books = counted(connection)
        scored = self._scored()
        with self._lock:
            self.tally = replace(
                self.tally, scored=scored, counted=books.records, dead=books.dead, alerts=self._alerts()
            )
            self._board.show(self.tally)
            return self.tally

    def _scored(self) -> int:
        try:
            return sum(end - begin for begin, end in offsets(self._bootstrap, self._topics.scored).values())
        except TopicsError:  # a topic just made has no leader for a moment
            return self.tally.scored

    def read(self, records: int) -> None:
        """Notes how many records the broker has been given."""
        with self._lock:
            self.tally = replace(self.tally, read=records)

    def until(
        self,
        reached: Callable[[Tally], bool],
        *,
        stop: threading.Event,
        patience_s: float,
        seconds: Callable[[], float] = time.monotonic,
    ) -> bool:
        """Waits until `reached`; False when `stop` is set first. Raises StalledError at `patience_s` of standstill."""
        before, since = self.look(), seconds()
        while not reached(self.tally):
            if stop.wait(_EVERY_S):
                return False
            if (now := self.look()) != before:
                before, since = now, seconds()
            elif seconds() - since > patience_s:
                raise StalledError(f"nothing has moved for {patience_s:.0f} s: {now}")
        return True
