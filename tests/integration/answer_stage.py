"""A stage for answers: detection finds what it is told to find, the clock stands where it is put, analysts answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from alert_stage import DESK
from sqlalchemy import Engine, event, insert, select, text

from alerts.answers import alert_rows
from alerts.answers.holding import Holding
from alerts.delivery.endpoints import EVENTS, Endpoint
from alerts.desk import Desk
from alerts.detection.detectors import Finding
from alerts.detection.lifecycle import Change, Course, resolved
from alerts.detection.thresholds import Severity
from alerts.recording import record
from alerts.timers import Timers
from storage.tables import alert_history, alerts, deliveries, entities

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
QUIET = timedelta(minutes=100)
DETECTOR = "negative_surge"
EAR = Endpoint("desk", DESK.url, DESK.secret, allow_private=True, events=EVENTS)


class KilledError(Exception):
    """Stands for kill -9."""


class AnswerStage:
    """Detection without counts, a desk, timers and a clock, all on one database."""

    def __init__(
        self, database: Engine, endpoints: Sequence[Endpoint] = (EAR,), holding: Holding | None = None
    ) -> None:
        self.database = database
        self.holding = holding
        self.now = NOON
        self.endpoints = endpoints
        self.desk = Desk(database, endpoints, lambda: self.now)
        self.timers = Timers(
            database,
            endpoints,
            lambda: self.now,
            remind_after=timedelta(hours=1),
            most_reminders=2,
            holding=holding,
        )

    def companies(self, *names: str, groups: Sequence[str] = ()) -> None:
        """Puts companies on the watch list."""
        rows = [
            {"entity_id": name, "name": name.title(), "aliases": [], "tickers": [], "groups": list(groups)}
            for name in names
        ]
        with self.database.begin() as connection:
            connection.execute(insert(entities), rows)

    def find(
        self,
        *companies: str,
        bucket: int = 1000,
        severity: Severity = "watch",
        complete: int = 0,
        detector: str = DETECTOR,
    ) -> None:
        """Detection finds something about each company in one bucket, in one transaction."""
        p_value = {"watch": 1e-6, "warning": 1e-9, "critical": 1e-13}[severity]
        finding = Finding(
            bucket=bucket,
            horizon_min=60,
            observed=5,
            observed_documents=7,
            expected=0.1,
            p_value=p_value,
            severity=severity,
            since=bucket - 30,
        )
        quiet_min = int(QUIET.total_seconds() // 60)
        with self.database.begin() as connection:
            known = alert_rows.near(connection, detector, companies, bucket - quiet_min, bucket + quiet_min)
            changes: list[Change] = []
            for company in companies:
                course = Course(company, detector, known.get(company, ()), complete=complete, quiet=QUIET)
                changes += course.settle([finding]).changes
            record(connection, changes, self.endpoints, self.now, self.holding)

    def fall_quiet(self, bucket: int) -> None:
        """Detection ends whatever has been quiet since before `bucket`."""
        with self.database.begin() as connection:
            found = alert_rows.quiet_since(connection, DETECTOR, bucket)
            changes = [Change(each, resolved(each)) for episodes in found.values() for each in episodes]
            record(connection, changes, self.endpoints, self.now)

    def only(self) -> UUID:
        """The id of the only alert."""
        with self.database.connect() as connection:
            found: UUID = connection.execute(select(alerts.c.alert_id)).scalar_one()
        return found

    def row(self, alert_id: UUID | None = None) -> Any:
        """An alert's row; the only one if none is named."""
        query = select(alerts)
        with self.database.connect() as connection:
            return connection.execute(query.where(alerts.c.alert_id == alert_id) if alert_id else query).one()

    def history(self, alert_id: UUID | None = None) -> list[tuple[str | None, str, str, str]]:
        """(action, from, to, actor) of every entry, in order."""
        query = select(alert_history).order_by(alert_history.c.entry_id)
        with self.database.connect() as connection:
            rows = connection.execute(query.where(alert_history.c.alert_id == alert_id) if alert_id else query).all()
        return [(row.action, row.from_status, row.to_status, row.actor) for row in rows]

    def told(self) -> list[str]:
        """The events in the outbox, in the order of their writing."""
        with self.database.connect() as connection:
            query = select(deliveries.c.event_type).order_by(deliveries.c.created_at, deliveries.c.webhook_id)
            return list(connection.execute(query).scalars())

    def told_of(self) -> dict[UUID, list[str]]:
        """By alert, its events in the outbox, sorted."""
        found: dict[UUID, list[str]] = defaultdict(list)
        with self.database.connect() as connection:
            for row in connection.execute(select(deliveries.c.alert_id, deliveries.c.event_type)):
                found[row.alert_id].append(row.event_type)
        return {alert_id: sorted(events) for alert_id, events in found.items()}

    def wipe(self) -> None:
        """Empties all that answers touch; the history's guard is lifted for it."""
        with self.database.begin() as connection:
            for table in ("alert_history", "alert_feedback"):
                connection.execute(text(f"alter table {table} disable trigger user"))
            connection.execute(text("delete from alert_history"))
            connection.execute(text("truncate alert_feedback, alerts, deliveries, silences"))
            for table in ("alert_history", "alert_feedback"):
                connection.execute(text(f"alter table {table} enable trigger user"))


@contextmanager
def killed_after(database: Engine, statements: int) -> Iterator[Callable[[], bool]]:
    """Whoever uses the database dies before its next statement, or its commit, once it has run so many.

    The server rolls back what was not committed, as it does for a process that is gone. Yields whether it survived.
    """
    left = statements

    def strike(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError

    event.listen(database, "before_cursor_execute", strike)
    event.listen(database, "commit", strike)
    try:
        yield lambda: left >= 0
    except KilledError:
        pass
    finally:
        event.remove(database, "before_cursor_execute", strike)
        event.remove(database, "commit", strike)
