"""A transaction on psycopg itself, for COPY and arrays, with the errors that the rest of the program knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

__all__ = ["transaction"]

_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,  # we were stopped for so long that our session was closed
)


@contextmanager
def transaction(engine: Engine) -> Iterator[tuple[Connection, psycopg.Connection[Any]]]:
    """Commits on leaving, rolls back on an error. Yields the SQLAlchemy connection and psycopg's beneath it.

    Raises SQLAlchemy's OperationalError where psycopg raises its own (the database is away, a deadlock), so that
    callers wait for one kind of error; a refusal of data stays psycopg's.
    """
    try:
        with engine.begin() as connection:
            driver = connection.connection.driver_connection
            if driver is None:
                raise psycopg.InterfaceError("the connection was closed")
            try:
                yield connection, driver
            except psycopg.errors.ReadOnlySqlTransaction:
                connection.invalidate()  # no longer the primary: a new session finds the one that is
                raise
    except psycopg.errors.ProgramLimitExceeded:
        raise  # an OperationalError by birth, yet about the data: a key too long for its index
    except _AWAY as error:
        raise OperationalError("transaction", {}, error) from error
