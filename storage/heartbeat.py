"""Keeping a transaction open while its owner thinks, and no longer than its process lives and runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import Connection

__all__ = ["beating"]

_EVERY_S: Final = 0.3
"""Well below the shortest `idle_transaction_s` that anybody asks `storage.connection.connect` for."""


@contextmanager
def beating(connection: Connection) -> Iterator[None]:
    """Says something to the database now and then, until the block is left; leave it before the transaction ends.

    The database closes a session that says nothing within its transaction, so that a process which was stopped holds
    no lock for long. One that reckons for seconds looks the same from there. Its heart stops where the process does.
    """
    driver = connection.connection.driver_connection
    if driver is None:
        raise psycopg.InterfaceError("the connection was closed")
    over = threading.Event()
    heart = threading.Thread(target=_beat, args=(driver, over), name="heartbeat", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def _beat(driver: psycopg.Connection[tuple[object, ...]], over: threading.Event) -> None:
    while not over.wait(_EVERY_S):
        try:
            driver.execute("SELECT")
        except psycopg.Error:  # its owner hears of it with the next statement
            return
