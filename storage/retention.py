"""Drops documents, mentions and withdrawn versions of old days; their ids and their sums stay.

The ids stay because an old item that a crawler finds again must not be counted a second time; they take about a
hundred bytes a document. Sums stay because they are small and are what years of history are for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import structlog
from sqlalchemy import Connection, Engine, text

from storage.partitions import LOCK, PARTITIONED, name_of, stored_days
from storage.search_index import TERMS

__all__ = ["drop_before", "kept_from"]

_log = structlog.get_logger()


def drop_before(engine: Engine, day: date) -> int:
    """Drops the documents and mentions published before this UTC day; returns how many documents that were.

    One transaction a day, oldest first, each remembered in `retention`, so that the audit still adds up. Dropping
    waits up to 5 s for transactions that use the table, and lets others through before it tries again.
    """
    dropped = 0
    with engine.connect() as connection:
        days = [stored for stored in stored_days(connection) if stored < day]
    for old in days:
        with engine.begin() as connection:
            dropped += _drop(connection, old)
    with engine.begin() as connection:
        _remember(connection, _midnight(day), 0)
    _log.info("documents_dropped", before=day.isoformat(), documents=dropped, days=len(days))
    return dropped


def kept_from(connection: Connection) -> datetime | None:
    """Documents published before this were dropped; None where none ever were."""
    kept: datetime | None = connection.exec_driver_sql("SELECT kept_from FROM retention").scalar_one()
    return kept


def _drop(connection: Connection, day: date) -> int:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    if day not in stored_days(connection):
        return 0  # another process was quicker
    for table in PARTITIONED:
        # Locked before it is counted: nothing may be added between the count and the drop.
        connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    documents: int = connection.exec_driver_sql(
        f"SELECT count(*) FROM {name_of('documents', day)}"  # noqa: S608 - a name made of a date
    ).scalar_one()
    for table in PARTITIONED:
        connection.exec_driver_sql(f"DROP TABLE {name_of(table, day)}")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name_of(TERMS, day)}")
    following = _midnight(day + timedelta(days=1))
    _remember(connection, following, documents)
    return documents


def _remember(connection: Connection, kept_from: datetime, dropped: int) -> None:
    """What is dropped with withdrawn versions lies before `kept_from`: as of a past moment, no day is told in part."""
    connection.execute(_RESCORED, {"kept_from": kept_from})
    withdrawn = connection.execute(_WITHDRAWN, {"kept_from": kept_from}).rowcount
    connection.execute(_REMEMBER, {"kept_from": kept_from, "dropped": dropped, "withdrawn": withdrawn})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


_REMEMBER = text(
    """
    UPDATE retention
    SET kept_from = greatest(kept_from, :kept_from), documents_dropped = documents_dropped + :dropped,
        withdrawn_dropped = withdrawn_dropped + :withdrawn
    """
)

_WITHDRAWN = text("DELETE FROM withdrawn_documents WHERE published_at < :kept_from")

_RESCORED = text("DELETE FROM rescored_documents WHERE published_at < :kept_from")
