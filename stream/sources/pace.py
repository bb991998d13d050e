"""Replaying the past at a multiple of its own speed."""

from __future__ import annotations

import threading
from datetime import datetime

from stream.sources.source import Clock, Sink

__all__ = ["Pace"]

_SLICE_S = 0.25
"""Acknowledgements are looked at this often during a long wait."""


class Pace:
    """Holds each document back until its event time is due.

    The first document is due at once, and every other as much later as it is younger, divided by `speed`.
    Documents that are out of order or have no readable time are due at once.
    """

    def __init__(self, speed: float | None, clock: Clock, sink: Sink) -> None:
        """`speed` is how many seconds of event time pass in one second; None is as fast as the broker takes."""
        self.matters = speed is not None
        """False where no document is ever held back, so that nobody need read its time."""
        self._speed = speed
        self._clock = clock
        self._sink = sink
        self._begun: tuple[datetime, datetime] | None = None

    def wait(self, event_time: datetime | None, stop: threading.Event) -> None:
        """Returns when a document of this time is due, or `stop` is set."""
        if self._speed is None or event_time is None:
            return
        if self._begun is None:
            self._begun = (self._clock(), event_time)
        started, first = self._begun
        due_s = (event_time - first).total_seconds() / self._speed
        while not stop.is_set():
            left_s = due_s - (self._clock() - started).total_seconds()
            if left_s <= 0:
                return
            stop.wait(min(left_s, _SLICE_S))
            self._sink.poll()
