"""Announcing: from steps that were taken to deliveries in the outbox, in the caller's transaction.

A silence keeps openings, escalations and reminders quiet. What was told of is told to be over, silence or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from sqlalchemy import Connection, update

from alerts import metrics, outbox, silences
from alerts.endpoints import Endpoint
from alerts.payload import AlertEvent, about
from alerts.silences import Silence
from alerts.standing import Standing, read
from alerts.transition_rows import Taken
from storage.tables import alerts

__all__ = ["announce"]

_TELLS_SEVERITY: Final = ("alert.opened", "alert.escalated", "alert.reopened", "alert.reminded")
"""After these the outside knows how grave it is. They are what a silence keeps quiet."""


def announce(connection: Connection, taken: Sequence[Taken], endpoints: Sequence[Endpoint], now: datetime) -> int:
    """Writes a delivery for each step that the outside hears of, and each endpoint that wants it; returns how many."""
    news = [each for each in taken if each.step.event]
    if not news:
        return 0
    standings = read(connection, [each.alert_id for each in news])
    quiet = silences.active(connection, now)
    written = 0
    for each in news:
        standing = standings[each.alert_id]
        if _hushed(each.step.event, standing, quiet):
            continue
        written += _put(connection, each, standing, endpoints, now)
    return written


def _hushed(event: str, standing: Standing, quiet: Sequence[Silence]) -> bool:
    if event in _TELLS_SEVERITY:
        return silences.quietened(quiet, standing.labels) is not None
    return False


def _put(connection: Connection, taken: Taken, standing: Standing, endpoints: Sequence[Endpoint], now: datetime) -> int:
    event = cast(AlertEvent, taken.step.event)
    if event in _TELLS_SEVERITY:
        _told(connection, {taken.alert_id: standing.episode.severity}, now)
    metrics.alert_events.labels(event, standing.episode.severity).inc()
    return outbox.put(
        connection,
        endpoints=[endpoint.name for endpoint in endpoints if endpoint.wants(event)],
        event_type=event,
        about=f"{taken.alert_id}/{taken.entry_id}",
        payload=about(event, standing, taken, now),
        now=now,
        alert_ids=[taken.alert_id],
    )


def _told(connection: Connection, severities: Mapping[UUID, str], now: datetime) -> None:
    for alert_id, severity in severities.items():
        statement = update(alerts).where(alerts.c.alert_id == alert_id)
        connection.execute(statement.values(told_at=now, told_severity=severity))
