"""Alerts as lists and one by one: newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, func, or_, select, text, tuple_

from alerts.answers.transitions import Action, Status, actions_of
from alerts.detection.unlisted import name_of
from storage.tables import alert_history, alerts, deliveries, delivery_alerts, entities

__all__ = [
    "AlertFilter",
    "AlertSummary",
    "Entry",
    "Sent",
    "counts",
    "evidence_of",
    "find_alert",
    "history",
    "list_alerts",
    "sent",
    "surfaces",
]

_RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; an empty value is no condition. `active` true leaves out what is resolved, false the rest."""

    status: str = ""
    severity: str = ""
    entity_id: str = ""
    detector: str = ""
    words: str = ""
    active: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """An alert without its evidence. `observed` stories within `horizon_s` seconds, `expected` in calm: negative ones,
    but of any tone where `detector` is volume_surge or unlisted_volume.

    `held_by` says why nobody was told of it, or had been when it ended: silenced, inhibited, flapping, or another alert
    about the same company.
    """

    alert_id: UUID
    entity_id: str
    name: str
    detector: str
    status: str
    severity: str
    first_bucket: datetime
    last_bucket: datetime
    horizon_s: int
    observed: int
    expected: float
    p_value: float
    topics: tuple[str, ...]
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    held_by: str
    acknowledged_by: str
    acknowledged_at: datetime | None
    snoozed_until: datetime | None

    @property
    def possible(self) -> tuple[Action, ...]:
        """What an analyst may do with it."""
        return actions_of(cast(Status, self.status), "analyst")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an alert's history: who changed what, when and why."""

    entry_id: int
    at: datetime
    from_status: str | None
    to_status: str
    actor: str
    reason: str
    action: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery of an alert to an endpoint, and how it went."""

    endpoint: str
    event_type: str
    state: str
    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    last_error: str


def list_alerts(
    connection: Connection, wanted: AlertFilter, *, most: int, after: tuple[datetime, UUID] | None = None
) -> list[AlertSummary]:
    """At most `most`, newest first, behind the one that began at `after`."""
    order = (alerts.c.first_bucket.desc(), alerts.c.alert_id.desc())
    query = _filtered(_summaries(), wanted).order_by(*order).limit(most)
    if after is not None:
        query = query.where(tuple_(alerts.c.first_bucket, alerts.c.alert_id) < tuple_(*after))
    return [_summary(row) for row in connection.execute(query)]


def find_alert(connection: Connection, alert_id: UUID) -> AlertSummary | None:
    """One alert; None where there is none."""
    row = connection.execute(_summaries().where(alerts.c.alert_id == alert_id)).first()
    return _summary(row) if row else None


def evidence_of(connection: Connection, alert_id: UUID) -> dict[str, Any] | None:
    """What is kept in `alerts.evidence`; None where there is no such alert."""
    query = select(alerts.c.evidence).where(alerts.c.alert_id == alert_id)
    stored: dict[str, Any] | None = connection.execute(query).scalar()
    return stored


def history(connection: Connection, alert_id: UUID) -> list[Entry]:
    """Every entry of an alert, oldest first."""
    columns = [getattr(alert_history.c, name) for name in Entry.__dataclass_fields__]
    query = select(*columns).where(alert_history.c.alert_id == alert_id).order_by(alert_history.c.entry_id)
    return [Entry(**row._mapping) for row in connection.execute(query)]


def sent(connection: Connection, alert_id: UUID) -> list[Sent]:
    """Every delivery of an alert, oldest first."""
    columns = [getattr(deliveries.c, name) for name in Sent.__dataclass_fields__]
    told = select(delivery_alerts.c.webhook_id).where(delivery_alerts.c.alert_id == alert_id)
    about = (deliveries.c.alert_id == alert_id) | deliveries.c.webhook_id.in_(told)
    query = select(*columns).where(about).order_by(deliveries.c.seq)
    return [Sent(**row._mapping) for row in connection.execute(query)]


def surfaces(connection: Connection, alert_id: UUID) -> list[str]:
    """The words by which the documents of an alert's evidence name its company."""
    return list(connection.execute(_SURFACES, {"alert_id": alert_id}).scalars())


def counts(connection: Connection) -> dict[str, int]:
    """Active alerts by severity, worst first; a severity without any is absent."""
    worst = case({"critical": 0, "warning": 1}, value=alerts.c.severity, else_=2)
    query = select(alerts.c.severity, func.count()).where(alerts.c.status != _RESOLVED)
    rows = connection.execute(query.group_by(alerts.c.severity).order_by(worst))
    return {row[0]: row[1] for row in rows}


_SURFACES = text(
    """
    SELECT DISTINCT m.surface
    FROM alerts a
    CROSS JOIN LATERAL jsonb_to_recordset(a.evidence -> 'documents') AS e (document_id uuid, published_at timestamptz)
    JOIN mentions m ON m.entity_id = a.entity_id AND m.document_id = e.document_id AND m.published_at = e.published_at
    WHERE a.alert_id = :alert_id
    """
)


def _summaries() -> Select[Any]:
    columns = [getattr(alerts.c, name) for name in AlertSummary.__dataclass_fields__ if name != "name"]
    return select(*columns, entities.c.name).outerjoin(entities, entities.c.entity_id == alerts.c.entity_id)


def _filtered(query: Select[Any], wanted: AlertFilter) -> Select[Any]:
    for column in ("status", "severity", "entity_id", "detector"):
        if value := getattr(wanted, column):
            query = query.where(alerts.c[column] == value)
    if wanted.active is not None:
        query = query.where(alerts.c.status != _RESOLVED if wanted.active else alerts.c.status == _RESOLVED)
    if wanted.words:
        like = (column.icontains(wanted.words, autoescape=True) for column in (entities.c.name, alerts.c.entity_id))
        query = query.where(or_(*like))
    if wanted.since is not None:
        query = query.where(alerts.c.first_bucket >= wanted.since)
    if wanted.until is not None:
        query = query.where(alerts.c.first_bucket < wanted.until)
    return query


def _summary(row: Row[Any]) -> AlertSummary:
    values = dict(row._mapping)
    return AlertSummary(**values | {"name": row.name or name_of(row.entity_id), "topics": tuple(row.topics)})
