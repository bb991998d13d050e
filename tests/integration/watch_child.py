"""Saves an entry of the watch list, and kills itself behind the n-th statement: `watch_child.py DATABASE_URL N`."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from alerts.answers.watch_entries import save
from deploy.watch_matching import FollowedLists
from storage.connection import connect
from storage.watch_entries import Entry
from stream.watchlist import WatchList

if __name__ == "__main__":
    engine, left = connect(sys.argv[1]), int(sys.argv[2])

    @event.listens_for(engine, "after_cursor_execute")
    def die(*_: Any) -> None:
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    with engine.begin() as connection:
        entry = Entry(name="Quillfeather Bank", aliases=("Quillfeather",))
        save(connection, FollowedLists(WatchList()), entry, actor="ada", now=datetime(2026, 5, 6, tzinfo=UTC))
