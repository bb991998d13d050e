"""Finds the one record for which a whole batch is refused, so that the others go on.

A batch with a record that PostgreSQL or the books refuse fails as a whole. It is tried once more, in case the refusal
was about the moment (a day's partition had just been dropped), then halved and halved again: k bad records among n
cost about k log2(n) more transactions. Whatever is not about a record (the database is away, a deadlock, a missing
table) passes through untouched: the caller waits and delivers the batch again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import psycopg
import structlog

from storage.errors import UnstorableError
from storage.positions import ReadTo
from storage.records import DeadLetter, Retraction, ScoredDocument
from storage.rules import bearable

__all__ = ["buried", "isolate", "why_refused"]

_log = structlog.get_logger()

R = TypeVar("R")
Record = ScoredDocument | Retraction
Write = Callable[[Sequence[Record], Sequence[ReadTo]], R]

_REFUSALS = (
    UnstorableError,
    UnicodeError,  # lone surrogates cannot be sent
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a key longer than an index can hold
)


def isolate(
    write: Write[R],
    bury: Callable[[Record, str, Sequence[ReadTo]], R],
    batch: Sequence[Record],
    read: Sequence[ReadTo],
) -> list[R]:
    """Writes the batch in as few transactions as it allows and returns their results in order.

    `bury(document, detail, read)` books a record that is refused on its own. `read` goes with the last transaction:
    until everything before it is committed, no position moves, and a crash in between means redelivery.
    """
    try:
        return [write(batch, read)]
    except _REFUSALS:
        try:
            return [write(batch, read)]
        except _REFUSALS as again:
            if len(batch) == 1:
                return [bury(batch[0], why_refused(again), read)]
            if not batch:
                raise
    _log.info("batch_halved", documents=len(batch))
    middle = len(batch) // 2
    return [*isolate(write, bury, batch[:middle], ()), *isolate(write, bury, batch[middle:], read)]


def why_refused(error: Exception) -> str:
    """One line for an operator, without any text of the document."""
    if isinstance(error, UnstorableError):
        return error.detail
    if isinstance(error, UnicodeError):
        return "a text holds a lone surrogate, which is no character"
    if isinstance(error, psycopg.Error) and error.sqlstate:
        place = ".".join(filter(None, (error.diag.table_name, error.diag.column_name)))
        return f"PostgreSQL refuses it: {type(error).__name__} ({error.sqlstate}) {place}".rstrip()
    if "NUL" in str(error):
        return "a text holds a null character, which PostgreSQL cannot store"
    return f"PostgreSQL refuses it: {type(error).__name__}"


def buried(document: Record, detail: str) -> DeadLetter:
    """The dead letter of a scored document or a takedown.

    Its value is the record as it was scored, as ASCII JSON; the bytes it was scored from stay at `origin` for as long
    as the broker keeps them.
    """
    value = json.dumps(msgspec.to_builtins(document)).encode()
    return DeadLetter(
        origin=document.origin,
        reason="unscorable",
        detail=detail,
        key=str(document.document_id).encode(),
        value=value,
        headers=(("yuqing-stage", b"scored"),),
        arrived_at=bearable(document.arrived_at),
    )
