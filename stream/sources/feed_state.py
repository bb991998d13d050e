"""What is known about feeds, kept over restarts: validators, new addresses, when not to ask, entries seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

import msgspec

from stream.sources.errors import SourceOptionsError

__all__ = ["FeedMemory", "FeedState"]

_SCHEMA = """
create table if not exists feeds (
    url text primary key, etag text not null, last_modified text not null, moved_to text not null,
    not_before real not null, failures integer not null
) without rowid;
create table if not exists seen (
    url text not null, document_id blob not null, turn integer not null, primary key (url, document_id)
) without rowid;
"""

_LOAD = "select etag, last_modified, moved_to, not_before, failures from feeds where url = ?"
_SEEN = "select document_id from seen where url = ?"


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """What `_LOAD` gives; SQLite itself stores anything in any column."""

    etag: str
    last_modified: str
    moved_to: str
    not_before: Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
    failures: int


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one feed."""

    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    """Where it moved for good; asked instead of the address in the settings."""
    not_before: datetime | None = None
    """Its server asked to be left alone until then, or it failed."""
    failures: int = 0
    """In a row."""


class FeedMemory:
    """A SQLite file in the state folder: one writer, no service to wait for. Belongs to one thread."""

    def __init__(self, folder: Path, *, entries_per_feed: int = 5_000) -> None:
        """`entries_per_feed` bounds the memory of entries; a feed shows some hundred at most.

        Raises SourceOptionsError where the folder cannot be written or the file is not ours.
        """
        self._bound = entries_per_feed
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(folder / "feeds.sqlite", isolation_level=None)
            self._base.execute("pragma journal_mode = wal")
            self._base.executescript(_SCHEMA)
            self._look_through()
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:  # the last: its own words, from a damaged file
            raise SourceOptionsError(
                f"the state of the feeds, {folder / 'feeds.sqlite'}, cannot be used: {error}. Make the folder "
                "writable, or remove the file: feeds are then read anew, and what is there already is recognised."
            ) from error

    def _look_through(self) -> None:
        """Raises sqlite3.Error where the file is damaged, or its tables are not ours."""
        [found] = self._base.execute("pragma quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        self._base.execute(_LOAD, ("",))
        self._base.execute(_SEEN, ("",))

    def load(self, url: str) -> FeedState:
        """What is known about a feed, by its address in the settings; nothing where its row makes no sense."""
        row = self._base.execute(_LOAD, (url,)).fetchone()
        if row is None:
            return FeedState()
        try:
            known = msgspec.convert(row, _Row)
        except msgspec.ValidationError:
            return FeedState()
        return FeedState(
            etag=known.etag,
            last_modified=known.last_modified,
            moved_to=known.moved_to,
            not_before=datetime.fromtimestamp(known.not_before, UTC) if known.not_before else None,
            failures=known.failures,
        )

    def unseen(self, url: str, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these entries the feed has not shown before."""
        known = {row[0] for row in self._base.execute(_SEEN, (url,))}
        return {each for each in ids if each.bytes not in known}

    def save(self, url: str, state: FeedState, shown: Sequence[UUID] = ()) -> None:
        """Replaces what is known, and notes the entries that the feed shows now, in one transaction.

        Of the entries that it shows no longer, the oldest go when there are too many.
        """
        not_before = state.not_before.timestamp() if state.not_before else 0.0
        row = (url, state.etag, state.last_modified, state.moved_to, not_before, state.failures)
        with self._base:
            self._base.execute("begin immediate")
            self._base.execute("insert or replace into feeds values (?, ?, ?, ?, ?, ?)", row)
            self._note(url, shown)

    def _note(self, url: str, shown: Sequence[UUID]) -> None:
        if not shown:
            return
        (turn,) = self._base.execute("select coalesce(max(turn), 0) + 1 from seen where url = ?", (url,)).fetchone()
        self._base.executemany(
            "insert or replace into seen values (?, ?, ?)", [(url, each.bytes, turn) for each in shown]
        )
        # What it shows now stays, however much that is: forgetting it would publish it at every poll.
        self._base.execute(
            "delete from seen where url = ?1 and turn < ?2 and document_id not in "
            "(select document_id from seen where url = ?1 order by turn desc limit ?3)",
            (url, turn, self._bound),
        )

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
