"""`/watchlist/preview`: what an entry would have matched, before it is put on the watch list."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from alerts.api.access import Reader
from alerts.api.parts import Parts, TheParts
from alerts.api.problems import ProblemError
from alerts.api.wire import Body, Short
from alerts.errors import BusyError, EntryError
from alerts.reading.trend_points import newest
from alerts.reading.watch_preview import Entry, Preview, preview

__all__ = ["previewed", "router"]

router = APIRouter(prefix="/watchlist", tags=["entities"])

_READING: Final = threading.Lock()
"""One at a time: it keeps a core busy for a second."""

_PATIENCE_S: Final = 1.0
"""So long a thread of the server waits for its turn: others are for other pages."""

Name = Annotated[Short, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(max_length=50, strict=False)]


class NewEntry(Body):
    """A company as a watch list's file has it. `ambiguous` are those of its names that mean something else too."""

    name: Name
    entity_id: Short = Field(default="", description="Made from the name where it is empty.")
    aliases: Names = ()
    tickers: Names = ()
    groups: Names = ()
    ambiguous: Names = ()


@router.post("/preview")
def preview_entry(parts: TheParts, _: Reader, entry: NewEntry) -> Preview:
    """What it would have matched in the seven days that end with the newest minute of the stream. Nothing is kept."""
    try:
        return previewed(parts, Entry(**entry.model_dump()))
    except EntryError as error:
        raise ProblemError(400, "Not an entry", str(error)) from error
    except BusyError as error:
        raise ProblemError(429, "Another entry is being tried", str(error), headers={"Retry-After": "1"}) from error


def previewed(parts: Parts, entry: Entry) -> Preview:
    """The same for whoever shows it. Raises EntryError with every mistake in the entry, BusyError where it cannot be
    its turn soon.
    """
    matcher = parts.linking.matcher(entry)
    if not _READING.acquire(timeout=_PATIENCE_S):
        raise BusyError("One entry is tried at a time: come back in a second.")
    try:
        with parts.reading() as connection:
            until = (newest(connection) or parts.clock()) + timedelta(minutes=1)
            return preview(connection, matcher, until)
    finally:
        _READING.release()
