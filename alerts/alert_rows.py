"""Alerts in the database: episodes as rows, every change with its entry in the history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from alerts.detectors import Finding
from alerts.lifecycle import RESOLVED, Change, Episode, why
from alerts.series import minute_of, time_of
from storage.tables import alert_history, alerts

__all__ = ["ENGINE", "near", "quiet_since", "write"]

ENGINE = "engine"
"""The actor of what the engine does by itself."""


def near(
    connection: Connection, detector: str, entities: Sequence[str], since: int, until: int
) -> dict[str, list[Episode]]:
    """By entity: what is active, and what was resolved but lies between the buckets `since` and `until`.

    The rows are locked until the transaction ends, so that nobody answers an alert while it changes.
    """
    within = (alerts.c.last_bucket >= time_of(since)) & (alerts.c.first_bucket <= time_of(until))
    query = select(alerts).where(
        alerts.c.detector == detector,
        alerts.c.entity_id.in_(entities),
        or_(alerts.c.status != RESOLVED, within),
    )
    return _by_entity(connection, query.with_for_update())


def quiet_since(connection: Connection, detector: str, bucket: int) -> dict[str, list[Episode]]:
    """By entity: what is active although its last firing bucket lies before `bucket`. Locks those rows."""
    query = select(alerts).where(
        alerts.c.detector == detector, alerts.c.status != RESOLVED, alerts.c.last_bucket < time_of(bucket)
    )
    return _by_entity(connection, query.with_for_update())


def write(connection: Connection, change: Change, evidence: Mapping[str, Any] | None, now: datetime) -> None:
    """One change of one alert: its row, and what the history says of it. `evidence` None keeps what is there."""
    before, after = change.before, change.after
    row = _row(after) | {"updated_at": now} | ({} if after.active else {"resolved_at": now})
    if evidence is not None:
        row["evidence"] = evidence
    if before is None:
        connection.execute(insert(alerts).values(alert_id=after.alert_id, opened_at=now, **row))
    else:
        connection.execute(update(alerts).where(alerts.c.alert_id == after.alert_id).values(**row))
    entries = _entries(change)
    if entries:
        connection.execute(insert(alert_history), [entry | {"at": now} for entry in entries])


def _row(episode: Episode) -> dict[str, Any]:
    peak = episode.peak
    return {
        "entity_id": episode.entity_id,
        "detector": episode.detector,
        "status": episode.status,
        "severity": episode.severity,
        "first_bucket": time_of(episode.first),
        "last_bucket": time_of(episode.last),
        "horizon_s": peak.horizon_min * 60,
        "observed": peak.observed,
        "expected": peak.expected,
        "p_value": peak.p_value,
    }


def _entries(change: Change) -> list[dict[str, Any]]:
    """What the history says: one entry for each transition, none for an episode that merely goes on."""
    before, after = change.before, change.after
    about = {"alert_id": after.alert_id, "actor": ENGINE}
    entries: list[dict[str, Any]] = []
    status = before.status if before else None
    if before is None or before.severity != after.severity:
        to = "firing" if before is None else before.status
        grown = f"{after.severity}: " if before is None else f"{before.severity} to {after.severity}: "
        entries.append(about | {"from_status": status, "to_status": to, "reason": grown + why(after.peak)})
        status = to
    if not after.active and (before is None or before.active):
        quiet = f"quiet since {time_of(after.last):%Y-%m-%d %H:%M} UTC"
        entries.append(about | {"from_status": status, "to_status": RESOLVED, "reason": quiet})
    return entries


def _by_entity(connection: Connection, query: Select[Any]) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.entity_id].append(_episode(row))
    return found


def _episode(row: Row[Any]) -> Episode:
    peak = row.evidence["peak"]
    finding = Finding(
        bucket=peak["bucket"],
        horizon_min=row.horizon_s // 60,
        observed=row.observed,
        observed_documents=peak["observed_documents"],
        expected=row.expected,
        p_value=row.p_value,
        severity=peak["severity"],
        since=peak["since"],
    )
    return Episode(
        alert_id=UUID(str(row.alert_id)),
        entity_id=row.entity_id,
        detector=row.detector,
        status=row.status,
        severity=row.severity,
        first=minute_of(row.first_bucket),
        last=minute_of(row.last_bucket),
        peak=finding,
    )
