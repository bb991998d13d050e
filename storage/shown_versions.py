"""Which model version the views show of which time, since when, who said so and why; and who ended it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text, update

from storage.tables import shown_versions

__all__ = ["ScoredVersion", "Shown", "scored_versions", "show", "shown"]

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Shown:
    """The views show `version` of what was published in [since, until), from `shown_from` until `shown_until`.

    `shown_until` is None where they still do. Aware UTC.
    """

    version: str
    since: datetime
    until: datetime
    shown_from: datetime
    shown_until: datetime | None
    actor: str
    reason: str
    ended_by: str


@dataclass(frozen=True)
class ScoredVersion:
    """A version that scored documents: `first` when they came, `again` since; and the times of publication of these."""

    version: str
    first: int
    again: int
    since: datetime | None
    until: datetime | None


def show(
    connection: Connection,
    version: str | None,
    since: datetime,
    until: datetime,
    *,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """From the caller's commit on the views show this version of [since, until), whole minutes; None: first scores.

    What else was shown of this time is ended, not forgotten: `trends_as_of` goes on showing it for its time. What lies
    beside it goes on as it was. A reader sees all of it before or all of it after, whatever it reads in one statement.
    """
    # One after the other: of two that switch at once, the later one is in force.
    connection.exec_driver_sql("LOCK TABLE shown_versions IN SHARE ROW EXCLUSIVE MODE")
    columns = shown_versions.c
    current = select(shown_versions).where(columns.shown_until.is_(None), columns.since < until, columns.until > since)
    ended = connection.execute(current).all()
    at = max([now, *(row.shown_from + _INSTANT for row in ended)])
    for row in ended:
        ending = update(shown_versions).where(columns.switch_id == row.switch_id)
        connection.execute(ending.values(shown_until=at, ended_by=actor))
        for left, right in ((row.since, min(row.until, since)), (max(row.since, until), row.until)):
            if left < right:
                _insert(connection, row.version, left, right, at, row.actor, row.reason)
    if version is not None:
        _insert(connection, version, since, until, at, actor, reason)


def shown(connection: Connection, *, at: datetime | None = None, ended: bool = False) -> list[Shown]:
    """What is shown now, by time; what was at a moment, with `at`; or all of the past too, by switch, with `ended`."""
    columns = shown_versions.c
    query = select(shown_versions).order_by(columns.switch_id if ended else columns.since)
    if at is not None:
        query = query.where(columns.shown_from <= at, (columns.shown_until.is_(None)) | (columns.shown_until > at))
    elif not ended:
        query = query.where(columns.shown_until.is_(None))
    return [_shown(row) for row in connection.execute(query)]


def scored_versions(connection: Connection) -> list[ScoredVersion]:
    """Every version that has scored a document that is stored, by name."""
    return [ScoredVersion(**row._mapping) for row in connection.execute(_SCORED)]


def _insert(
    connection: Connection, version: str, since: datetime, until: datetime, at: datetime, actor: str, reason: str
) -> None:
    values = {"version": version, "since": since, "until": until, "shown_from": at, "actor": actor, "reason": reason}
    connection.execute(insert(shown_versions).values(values))


def _shown(row: Row[Any]) -> Shown:
    named: Iterable[tuple[str, Any]] = ((name, value) for name, value in row._mapping.items() if name != "switch_id")
    return Shown(**dict(named))


_SCORED = text(
    """
    SELECT version, coalesce(f.documents, 0) AS first, coalesce(a.documents, 0) AS again, a.since, a.until
    FROM (SELECT model_version AS version, count(*) AS documents FROM documents GROUP BY 1) f
    FULL JOIN (SELECT version, count(*) AS documents, min(published_at) AS since, max(published_at) AS until
               FROM rescored_documents GROUP BY 1) a USING (version)
    ORDER BY version
    """
)
