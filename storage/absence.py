"""Why the database could not be used, as one word from a closed list: for a log line, a metric and an operator.

The server's own message may quote data, and most of its failures to connect come without a code.
"""

from __future__ import annotations

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

__all__ = ["ADVICE", "reason_of", "unwritable"]

ADVICE = {
    "disk_full": "make room where PostgreSQL keeps its data, or shorten retention.days; everything waits and goes on",
    "too_many_connections": "end sessions of others, or raise max_connections",
    "out_of_memory": "give PostgreSQL more memory",
    "starting_up": "wait: it is recovering",
    "shut_down": "start it again",
    "read_only": "this is a standby: name all hosts in [database] url, with target_session_attrs=read-write",
    "deadlock": "nothing: it is tried again",
    "refused": "correct the password, role or database in [database] url",
    "unreachable": "start it, or correct [database] url",
}
"""Every reason, and what an operator does about it."""

_BY_CODE = {
    "53100": "disk_full",
    "53300": "too_many_connections",
    "53200": "out_of_memory",
    "57P03": "starting_up",
    "57P01": "shut_down",
    "57P02": "shut_down",
    "25006": "read_only",
    "40P01": "deadlock",
    "28P01": "refused",
    "28000": "refused",
    "3D000": "refused",
}
_BY_WORDS = (
    ("session is read-only", "read_only"),
    ("No space left on device", "disk_full"),
    ("too many clients", "too_many_connections"),
    ("connection slots are reserved", "too_many_connections"),
    ("too many connections", "too_many_connections"),
    ("database system is shutting down", "shut_down"),
    ("database system is", "starting_up"),
    ("not accepting connections", "starting_up"),
    ("authentication failed", "refused"),
    ("does not exist", "refused"),
)

_WRITE = text(
    "CREATE TEMPORARY TABLE yuqing_probe ON COMMIT DROP AS "
    "SELECT repeat(md5(number::text), 32) AS filling FROM generate_series(1, 1000) number"
)


def reason_of(error: BaseException | None) -> str:
    """The reason, a key of `ADVICE`; `unreachable` where nothing better is known."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = original.sqlstate if isinstance(original, psycopg.Error) else None
    if code in _BY_CODE:
        return _BY_CODE[code]
    said = str(original)
    return next((reason for words, reason in _BY_WORDS if words in said), "unreachable")


def unwritable(engine: Engine) -> str | None:
    """Why the database would not take a megabyte now, or None: it would. A full disk answers questions all the same.

    Raises OperationalError where it takes no session at all.
    """
    with engine.connect() as connection:
        try:
            connection.execute(_WRITE)
        except DBAPIError as error:
            return reason_of(error)
        finally:
            connection.rollback()
    return None
