"""Live alerts: one thread listens to the database and hands what is new to everybody who watches.

The bell says only that there is news; what it is, is read from the history. Entries get their number before they are
committed, so a lower number may appear after a higher one: the last `_LOOK_BACK` numbers are looked at each time, and
what was told already is left out.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine

from alerts.api.metrics import live_watchers
from alerts.bell import ALERTS, Bell
from alerts.patience import Patience
from alerts.reading.alert_events import AlertEvent, events_after, newest_entry
from alerts.reading.system_state import stored_documents

__all__ = ["Live", "TooManyWatchersError"]

_LOOK_BACK = 200
_MOST_AT_ONCE = 1000
_QUEUED = 500
"""A watcher that is this many events behind is ended, and comes back by itself from where it was."""
_PACE_WINDOW_S = 300.0

Queue = asyncio.Queue[AlertEvent | None]


class TooManyWatchersError(Exception):
    """As many watch as may."""


class Live:
    """Tells watchers of one process what happens to alerts. `run` in a thread; the rest in event loops."""

    def __init__(
        self, engine: Engine, *, clock: Callable[[], datetime], poll_s: float = 5.0, most_watchers: int = 200
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._poll_s = poll_s
        self._most_watchers = most_watchers
        self._watchers: dict[int, tuple[asyncio.AbstractEventLoop, Queue]] = {}
        self._lock = threading.Lock()
        self._told: deque[int] = deque(maxlen=2 * _LOOK_BACK)
        self._newest = 0
        self._stored: deque[tuple[datetime, int]] = deque()

    def run(self, stop: threading.Event) -> None:
        """Listens until `stop` is set; an outage of the database is waited out."""
        patience = Patience("console", stop)
        with Bell(self._engine, ALERTS, self._poll_s) as bell:
            patience.run(self._begin)
            while not stop.is_set():
                bell.listen()
                patience.run(self._look)
                bell.wait(stop)
        self._tell(None)

    @contextmanager
    def watching(self) -> Iterator[Queue]:
        """A queue that gets every event from now on, and None when it is time to go. Raises TooManyWatchersError."""
        queue: Queue = asyncio.Queue(_QUEUED)
        with self._lock:
            if len(self._watchers) >= self._most_watchers:
                raise TooManyWatchersError
            self._watchers[id(queue)] = (asyncio.get_running_loop(), queue)
        live_watchers.inc()
        try:
            yield queue
        finally:
            with self._lock:
                self._watchers.pop(id(queue), None)
            live_watchers.dec()

    def pace(self) -> float | None:
        """Documents stored per second over the last minutes; None before the second look."""
        stored = list(self._stored)
        if len(stored) < 2:
            return None
        (first_at, first), (last_at, last) = stored[0], stored[-1]
        return (last - first) / max((last_at - first_at).total_seconds(), 1e-3)

    def _begin(self) -> None:
        with self._engine.connect() as connection:
            self._newest = newest_entry(connection)
            self._told.extend(event.entry_id for event in self._recent(connection))

    def _look(self) -> None:
        with self._engine.connect() as connection:
            fresh = [event for event in self._recent(connection) if event.entry_id not in self._told]
            self._note_pace(stored_documents(connection))
        for event in fresh:
            self._told.append(event.entry_id)
            self._newest = max(self._newest, event.entry_id)
            self._tell(event)

    def _recent(self, connection: Connection) -> list[AlertEvent]:
        return events_after(connection, self._newest - _LOOK_BACK, most=_MOST_AT_ONCE)

    def _note_pace(self, stored: int) -> None:
        now = self._clock()
        if self._stored and (now - self._stored[-1][0]).total_seconds() < self._poll_s:
            return
        self._stored.append((now, stored))
        while (now - self._stored[0][0]).total_seconds() > _PACE_WINDOW_S:
            self._stored.popleft()

    def _tell(self, event: AlertEvent | None) -> None:
        with self._lock:
            watchers = list(self._watchers.values())
        for loop, queue in watchers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, event)


def _put(queue: Queue, event: AlertEvent | None) -> None:
    """An event for a watcher; one that does not keep up is told to go, and comes back."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        event = None
    queue.put_nowait(event)
