"""Entries of the watch list that people edit. Rows only, which are never changed: who may write what is asked above.

A change has a number, without gaps; that of the newest is the version of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Subquery, func, insert, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from storage.tables import watchlist_changes

__all__ = [
    "Action",
    "Change",
    "Entry",
    "add",
    "current",
    "find",
    "history",
    "in_force",
    "let_nobody_else_write",
    "newest",
]

Action = Literal["added", "changed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody puts on the list; fields as in a watch list's file. An empty id is made from the name.

    With `remove` the company of this id is taken off the list.
    """

    name: str
    entity_id: str = ""
    aliases: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an entry. Where it was withdrawn, `entry` is what it had been."""

    version: int
    action: Action
    entry: Entry
    actor: str
    at: datetime


def let_nobody_else_write(connection: Connection) -> None:
    """Until the transaction ends: who comes meanwhile waits. Readers do not."""
    connection.exec_driver_sql("LOCK TABLE watchlist_changes IN SHARE ROW EXCLUSIVE MODE")


def add(connection: Connection, action: Action, entry: Entry, *, actor: str, at: datetime) -> Change:
    """Writes a change. The caller has seen to it that nobody else writes."""
    newest = select(func.coalesce(func.max(watchlist_changes.c.version), 0))
    change = Change(connection.execute(newest).scalar_one() + 1, action, entry, actor, at)
    lists = {name: list(value) for name, value in asdict(entry).items() if isinstance(value, tuple)}
    row = asdict(entry) | lists | {"version": change.version, "action": action, "actor": actor, "at": at}
    connection.execute(insert(watchlist_changes).values(row))
    return change


def in_force(connection: Connection) -> tuple[int, list[Entry]]:
    """The version of the list (0: nobody has changed it), and the entries in force by id; one query sees both."""
    last = [_change(row) for row in connection.execute(select(_last))]
    entries = [change.entry for change in last if change.action != "withdrawn"]
    return max((change.version for change in last), default=0), sorted(entries, key=lambda one: one.entity_id)


def newest(connection: Connection) -> int:
    """The version of the list."""
    found: int = connection.execute(select(func.coalesce(func.max(watchlist_changes.c.version), 0))).scalar_one()
    return found


def current(connection: Connection, *, most: int | None = None, after: str = "", words: str = "") -> list[Change]:
    """The newest change of each entry in force, by id: those behind `after` that hold `words` in an id or a name."""
    query = select(_last).where(_last.c.action != "withdrawn", _last.c.entity_id > after).order_by(_last.c.entity_id)
    if words:
        lists = (func.array_to_string(column, " ") for column in (_last.c.aliases, _last.c.tickers))
        places = (_last.c.entity_id, _last.c.name, *lists)
        query = query.where(or_(*(place.icontains(words, autoescape=True) for place in places)))
    return [_change(row) for row in connection.execute(query.limit(most))]


def find(connection: Connection, entity_id: str) -> Change | None:
    """The newest change of an entry in force; None where there is no such entry."""
    query = select(_last).where(_last.c.entity_id == entity_id, _last.c.action != "withdrawn")
    row = connection.execute(query).first()
    return _change(row) if row else None


def history(connection: Connection, entity_id: str, *, most: int = 100) -> Sequence[Change]:
    """What became of an entry, newest first."""
    query = select(watchlist_changes).where(watchlist_changes.c.entity_id == entity_id)
    rows = connection.execute(query.order_by(watchlist_changes.c.version.desc()).limit(most))
    return [_change(row) for row in rows]


def _newest_of_each() -> Subquery:
    by_id = watchlist_changes.c.entity_id
    query = select(watchlist_changes).order_by(by_id, watchlist_changes.c.version.desc())
    return query.ext(distinct_on(by_id)).subquery()


_last = _newest_of_each()


def _change(row: Row[Any]) -> Change:
    entry = Entry(
        name=row.name,
        entity_id=row.entity_id,
        aliases=tuple(row.aliases),
        tickers=tuple(row.tickers),
        groups=tuple(row.groups),
        ambiguous=tuple(row.ambiguous),
        remove=row.remove,
    )
    return Change(row.version, row.action, entry, row.actor, row.at)
