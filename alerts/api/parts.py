"""What every request leans on: the database for reading and for writing, the clock, limits, live feed and desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection, Engine

from alerts.api.limits import Limits
from alerts.desk import Desk
from alerts.detection.baselines import Baseline
from alerts.live import Live
from alerts.reading.watch_preview import WatchLists

__all__ = ["Clock", "Parts", "TheParts", "parts_of"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""


@dataclass(frozen=True)
class Parts:
    """The parts of one process. `reader` refuses to write; both end a statement that takes too long.

    `desk` is where analysts answer alerts; it writes by itself. `baseline` is what the surge detector believes to be
    normal, for the charts. `lists` know the watch list, and how names of companies are found in texts.
    """

    reader: Engine
    writer: Engine
    clock: Clock
    limits: Limits
    live: Live
    desk: Desk
    baseline: Baseline
    lists: WatchLists

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for one request's queries, which see one state of the database."""
        with self.reader.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end."""
        with self.writer.begin() as connection:
            yield connection


def parts_of(request: Request) -> Parts:
    """The parts of the application that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


TheParts = Annotated[Parts, Depends(parts_of)]
