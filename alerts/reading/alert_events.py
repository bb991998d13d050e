"""What happened to alerts, in the order in which it became visible: the news that live pages show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, select

from storage.tables import alert_history, alerts, entities

__all__ = ["AlertEvent", "events_after", "newest_entry"]


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """An entry of the history of alerts, with what the alert is now."""

    entry_id: int
    at: datetime
    alert_id: UUID
    entity_id: str
    name: str
    severity: str
    from_status: str | None
    to_status: str
    actor: str
    reason: str


def events_after(connection: Connection, entry_id: int, *, most: int) -> list[AlertEvent]:
    """At most `most` entries with a higher number, ascending."""
    own = ("entry_id", "at", "alert_id", "from_status", "to_status", "actor", "reason")
    name = func.coalesce(entities.c.name, alerts.c.entity_id).label("name")
    query = (
        select(*(alert_history.c[column] for column in own), alerts.c.entity_id, alerts.c.severity, name)
        .join(alerts, alerts.c.alert_id == alert_history.c.alert_id)
        .outerjoin(entities, entities.c.entity_id == alerts.c.entity_id)
        .where(alert_history.c.entry_id > entry_id)
        .order_by(alert_history.c.entry_id)
        .limit(most)
    )
    return [AlertEvent(**row._mapping) for row in connection.execute(query)]


def newest_entry(connection: Connection) -> int:
    """The number of the newest entry; 0 where there is none."""
    newest: int | None = connection.execute(select(func.max(alert_history.c.entry_id))).scalar_one()
    return newest or 0
