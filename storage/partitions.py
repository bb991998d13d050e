"""Day partitions of documents and mentions. They are made apart from ingest, so that its transactions stay short."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

__all__ = ["LOCK", "PARTITIONED", "by_day", "ensure_days", "name_of", "stored_days"]

PARTITIONED = ("documents", "mentions")
"""The tables cut by UTC day of published_at, in the order in which everybody locks them.

So is document_terms, whose partitions the full-text index makes and locks after these.
"""

LOCK = 0x7975_7169_6E68
"""Advisory lock: one process at a time makes or drops partitions."""

_EXISTING = text(
    """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('documents'::regclass, 'mentions'::regclass, 'document_terms'::regclass)
    """
)


def name_of(table: str, day: date) -> str:
    """The partition that holds a day."""
    return f"{table}_{day:%Y%m%d}"


def stored_days(connection: Connection) -> list[date]:
    """The days that have a partition of documents, ascending."""
    names = (name for (name,) in connection.execute(_EXISTING) if name.startswith("documents_"))
    return sorted(date.fromisoformat(name.removeprefix("documents_")) for name in names)


def ensure_days(connection: Connection, days: Iterable[date], *, tables: Sequence[str] = PARTITIONED) -> None:
    """Makes the partitions of these UTC days where they are absent. Any number of processes may call it at once.

    The caller commits. A partition is made on its own and then attached: that takes a lock which lets inserts into
    the parent go on, where CREATE TABLE ... PARTITION OF would stop them.
    """
    wanted = sorted(set(days))
    if not wanted:
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    existing = set(connection.execute(_EXISTING).scalars())
    for day in wanted:
        for table in tables:
            if name_of(table, day) not in existing:
                _create(connection, table, day)


def by_day(published: Mapping[UUID, datetime]) -> Iterator[tuple[datetime, datetime, list[UUID]]]:
    """Documents by the UTC day of their publication: its bounds, and the ids; in order of days.

    A statement with these bounds touches one partition, and reads it once however many documents it wants of it.
    """
    days: dict[date, list[UUID]] = defaultdict(list)
    for document_id, at in published.items():
        days[at.astimezone(UTC).date()].append(document_id)
    for day, ids in sorted(days.items()):
        since = datetime.combine(day, time.min, UTC)
        yield since, since + timedelta(days=1), ids


def _create(connection: Connection, table: str, day: date) -> None:
    name, following = name_of(table, day), day + timedelta(days=1)
    bounds = f"FROM ('{day} 00:00Z') TO ('{following} 00:00Z')"
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING INDEXES)")
    connection.exec_driver_sql(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")
    connection.exec_driver_sql(f"GRANT SELECT ON {name} TO yuqing_reader")
