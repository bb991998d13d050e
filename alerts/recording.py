"""Recording: what the changes of episodes leave behind, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, select

from alerts import alert_rows, metrics, outbox
from alerts.endpoints import Endpoint
from alerts.evidence import Evidence, as_json, from_json, gather
from alerts.lifecycle import Change
from alerts.payload import AlertEvent, about
from storage.tables import alerts, entities

__all__ = ["record"]


def record(connection: Connection, changes: Sequence[Change], endpoints: Sequence[Endpoint], now: datetime) -> None:
    """Writes alerts with evidence, history, and one delivery per event and endpoint that wants it."""
    names = _names(connection, {change.after.entity_id for change in changes})
    for change in changes:
        news = change.before is None or change.before.peak != change.after.peak
        evidence = gather(connection, change.after.entity_id, change.after.peak) if news else None
        alert_rows.write(connection, change, as_json(evidence) if evidence else None, now)
        if change.events:
            told = evidence or _kept(connection, change)
            _announce(connection, change, told, names, endpoints, now)


def _announce(
    connection: Connection,
    change: Change,
    evidence: Evidence,
    names: Mapping[str, str],
    endpoints: Sequence[Endpoint],
    now: datetime,
) -> None:
    after = change.after
    name = names.get(after.entity_id, after.entity_id)
    for event in change.events:
        # An episode opens and ends once, and reaches each severity once: that is what makes the webhook id.
        once = f"{after.alert_id}/{after.severity}" if event == "alert.escalated" else str(after.alert_id)
        outbox.put(
            connection,
            endpoints=[endpoint.name for endpoint in endpoints if endpoint.wants(event)],
            event_type=event,
            about=once,
            payload=about(cast(AlertEvent, event), after, evidence, name, now),
            now=now,
            alert_id=after.alert_id,
        )
        metrics.alert_events.labels(event, after.severity).inc()


def _kept(connection: Connection, change: Change) -> Evidence:
    query = select(alerts.c.evidence).where(alerts.c.alert_id == change.after.alert_id)
    return from_json(connection.execute(query).scalar_one())


def _names(connection: Connection, wanted: Iterable[str]) -> dict[str, str]:
    query = select(entities.c.entity_id, entities.c.name).where(entities.c.entity_id.in_(sorted(wanted)))
    return {row.entity_id: row.name for row in connection.execute(query)}
