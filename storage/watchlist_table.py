"""Keeps the table `entities` equal to the watch list in force, so that SQL can show names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import Engine, delete, tuple_
from sqlalchemy.dialects.postgresql import insert

from storage.errors import WatchListRowsError
from storage.records import ANY_ENTITY
from storage.tables import entities

__all__ = ["WatchedEntity", "sync"]

_COLUMNS = ("name", "aliases", "tickers", "groups")


class WatchedEntity(Protocol):
    """What a row needs: anything with these attributes will do."""

    @property
    def entity_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> Sequence[str]: ...
    @property
    def tickers(self) -> Sequence[str]: ...
    @property
    def groups(self) -> Sequence[str]: ...


def sync(engine: Engine, rows: Iterable[WatchedEntity]) -> int:
    """Makes the table hold exactly these entities, in one transaction; returns how many there are.

    Trends of an entity that has left the list stay, under its id. Raises WatchListRowsError where an id comes twice
    or is reserved ('*' stands for the whole market); nothing has changed then.
    """
    values = [
        {
            "entity_id": row.entity_id,
            "name": row.name,
            "aliases": list(row.aliases),
            "tickers": list(row.tickers),
            "groups": list(row.groups),
        }
        for row in rows
    ]
    _refuse(value["entity_id"] for value in values)
    upsert = insert(entities)
    there = tuple_(*(entities.c[column] for column in _COLUMNS))
    wanted = tuple_(*(upsert.excluded[column] for column in _COLUMNS))
    upsert = upsert.on_conflict_do_update(
        index_elements=["entity_id"],
        set_={column: upsert.excluded[column] for column in _COLUMNS},
        where=there.is_distinct_from(wanted),  # an edit is one row, not the thousands that stand beside it
    )
    with engine.begin() as connection:
        # Processes that start together sync the same list: one after the other, not row by row against each other.
        connection.exec_driver_sql("LOCK TABLE entities IN SHARE ROW EXCLUSIVE MODE")
        gone = delete(entities)
        if values:
            connection.execute(upsert, sorted(values, key=lambda value: str(value["entity_id"])))
            gone = gone.where(entities.c.entity_id.not_in([value["entity_id"] for value in values]))
        connection.execute(gone)
    return len(values)


def _refuse(ids: Iterable[object]) -> None:
    seen: set[object] = set()
    for entity_id in ids:
        if entity_id in ("", ANY_ENTITY):
            raise WatchListRowsError(f"entity_id {entity_id!r} is reserved; give the company another")
        if entity_id in seen:
            raise WatchListRowsError(f"entity_id {entity_id!r} comes twice; merge the two rows")
        seen.add(entity_id)
