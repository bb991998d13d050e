"""What people do with entries of the watch list: one transaction each, in a history that only grows.

    1  whoever else writes entries waits
    2  the entry is held against the files and entries as they are now
    3  the change is written; its number is the list's new version
    4  commit

What if we die here? Before 4 nothing has happened. After 4 scorers take it over when they next ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from alerts.errors import AnswerError, OvertakenError, UnknownEntryError
from alerts.reading.watch_preview import WatchLists
from storage import watch_entries
from storage.watch_entries import Action, Change, Entry

__all__ = ["save", "undo", "withdraw"]

_MOST_ACTOR: Final = 200
_DID: Final[dict[Action, str]] = {"added": "added", "changed": "changed", "withdrawn": "withdrew"}


def save(
    connection: Connection,
    lists: WatchLists,
    entry: Entry,
    *,
    actor: str,
    now: datetime,
    seen: int | None = None,
    only_change: bool = False,
) -> Change:
    """Puts an entry on the list, in place of the one with its id. `seen` is the version that somebody has looked at
    (0: there was none).

    Raises EntryError with every mistake in the entry, OvertakenError where it is no longer what was seen, and with
    `only_change` UnknownEntryError where there is none.
    """
    _check(actor)
    watch_entries.let_nobody_else_write(connection)
    checked = lists.now(connection).checked(entry)
    before = watch_entries.find(connection, checked.entity_id)
    if only_change and (before is None or checked.entity_id != entry.entity_id):
        raise UnknownEntryError(entry.entity_id)
    _refuse_unseen(before, seen)
    action: Action = "changed" if before else "added"
    return watch_entries.add(connection, action, checked, actor=actor, at=now)


def withdraw(connection: Connection, entity_id: str, *, actor: str, now: datetime, seen: int | None = None) -> Change:
    """Takes an entry away: what the files have under its id is in force again.

    Raises UnknownEntryError, and OvertakenError as `save` does.
    """
    _check(actor)
    watch_entries.let_nobody_else_write(connection)
    before = watch_entries.find(connection, entity_id)
    if before is None:
        raise UnknownEntryError(entity_id)
    _refuse_unseen(before, seen)
    return watch_entries.add(connection, "withdrawn", before.entry, actor=actor, at=now)


def undo(
    connection: Connection, lists: WatchLists, entity_id: str, *, version: int, actor: str, now: datetime
) -> Change:
    """Takes back one's own change of an entry, by another change. `version` is that change: twice is once.

    Raises OvertakenError where it is not the last of this entry or somebody else's, EntryError where what would come
    back can no longer stand beside the others.
    """
    _check(actor)
    watch_entries.let_nobody_else_write(connection)
    last, before = _last_two(watch_entries.history(connection, entity_id, most=2), entity_id)
    if last.version != version or last.actor != actor:
        raise OvertakenError(f"there is nothing of yours to be taken back: {_told(last)}")
    if last.action == "added" or before is None:
        return watch_entries.add(connection, "withdrawn", last.entry, actor=actor, at=now)
    checked = lists.now(connection).checked(before.entry)
    action: Action = "added" if last.action == "withdrawn" else "changed"
    return watch_entries.add(connection, action, checked, actor=actor, at=now)


def _last_two(changes: Sequence[Change], entity_id: str) -> tuple[Change, Change | None]:
    if not changes:
        raise UnknownEntryError(entity_id)
    return changes[0], changes[1] if len(changes) > 1 else None


def _refuse_unseen(before: Change | None, seen: int | None) -> None:
    version = before.version if before else 0
    if seen == 0 and before:
        raise OvertakenError(
            f"there is an entry {before.entry.entity_id!r}: {_told(before)}; look at it, and change that"
        )
    if seen is not None and seen != version:
        told = _told(before) if before else "it was withdrawn"
        raise OvertakenError(f"the entry is no longer what you saw: {told}; look at it again")


def _told(change: Change) -> str:
    return f"{change.actor} {_DID[change.action]} it at {change.at:%Y-%m-%d %H:%M} UTC"


def _check(actor: str) -> None:
    if not actor.strip() or len(actor) > _MOST_ACTOR or "\0" in actor:
        raise AnswerError(f"actor {actor[:40]!r}: give who it is, in 1 to {_MOST_ACTOR} characters")
