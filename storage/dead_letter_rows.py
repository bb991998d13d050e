"""Dead letters in the database: written by ingest with the bytes they arrived as, read back to be sent again."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg import Cursor
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, bindparam, select, tuple_, update

from storage.records import DeadLetter, Origin
from storage.tables import dead_letters

__all__ = ["State", "StoredDeadLetter", "find", "insert", "printable", "set_state"]

State = Literal["open", "replayed", "dropped"]


class StoredDeadLetter(msgspec.Struct, frozen=True):
    """A dead letter as the database has it."""

    letter: DeadLetter
    recorded_at: datetime
    state: State


def insert(cursor: Cursor[Any], letters: Sequence[DeadLetter]) -> None:
    """Writes letters whose origins the ledger has just called unaccounted, in the order of their origins."""
    with cursor.copy(_INSERT) as rows:
        for letter in sorted(letters, key=_place):
            headers = [[printable(name), base64.b64encode(value).decode()] for name, value in letter.headers]
            rows.write_row(
                (
                    *_place(letter),
                    printable(letter.reason),
                    printable(letter.detail),
                    letter.key,
                    letter.value,
                    Jsonb(headers),
                    letter.arrived_at,
                )
            )


def find(
    connection: Connection,
    *,
    state: State | None = None,
    reason: str | None = None,
    origins: Iterable[Origin] | None = None,
    limit: int | None = None,
) -> list[StoredDeadLetter]:
    """Letters by any of state, reason and origin, in the order of their origins; all of them by default."""
    query = select(dead_letters).order_by(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset)
    if state is not None:
        query = query.where(dead_letters.c.state == state)
    if reason is not None:
        query = query.where(dead_letters.c.reason == reason)
    if origins is not None:
        query = query.where(_among(origins))
    return [_stored(row) for row in connection.execute(query.limit(limit)).mappings()]


def set_state(connection: Connection, origins: Iterable[Origin], state: State) -> int:
    """Says what became of these letters; returns how many there were. The caller commits."""
    change = update(dead_letters).where(_among(origins)).values(state=bindparam("new_state"))
    return connection.execute(change, {"new_state": state}).rowcount


def printable(text: str) -> str:
    """Text that PostgreSQL takes: null characters and lone surrogates written out as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _place(letter: DeadLetter) -> tuple[str, int, int]:
    return letter.origin.topic, letter.origin.partition, letter.origin.offset


def _among(origins: Iterable[Origin]) -> Any:
    key = tuple_(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset)
    return key.in_([(origin.topic, origin.partition, origin.offset) for origin in origins])


def _stored(row: Any) -> StoredDeadLetter:
    letter = DeadLetter(
        origin=Origin(topic=row["topic"], partition=row["partition"], offset=row["offset"]),
        reason=row["reason"],
        detail=row["detail"],
        key=row["key"],
        value=row["value"],
        headers=tuple((name, base64.b64decode(value)) for name, value in row["headers"]),
        arrived_at=row["arrived_at"],
    )
    return StoredDeadLetter(letter, row["recorded_at"], row["state"])


_INSERT = """
COPY dead_letters (topic, partition, "offset", reason, detail, key, value, headers, arrived_at) FROM STDIN
"""
