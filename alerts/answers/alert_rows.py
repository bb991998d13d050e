"""Alerts in the database, as detection sees them: episodes as rows. What people make of them: transition_rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from alerts.answers.transition_rows import Taken, take
from alerts.answers.transitions import Status
from alerts.detection.detectors import Finding
from alerts.detection.evidence import Evidence, Peak, from_json
from alerts.detection.lifecycle import FIRING, RESOLVED, Change, Episode, why
from alerts.detection.rule_seen import RuleSeen
from alerts.detection.series import minute_of, time_of
from alerts.detection.thresholds import Severity, rank
from alerts.detection.unlisted import offer
from storage.tables import alerts

__all__ = ["OPEN", "OVER", "detectors", "episode_of", "evidence_of", "near", "quiet_since", "write"]

OPEN, OVER = "open", "over"
"""What `alerts.episode` says. An alert that somebody resolved by hand may belong to an episode that is still open."""


def near(
    connection: Connection, detector: str, entities: Sequence[str], since: int, until: int
) -> dict[str, list[Episode]]:
    """By entity: what is open, and what is over but lies between the buckets `since` and `until`.

    The rows are locked until the transaction ends, so that nobody answers an alert while it changes.
    """
    within = (alerts.c.last_bucket >= time_of(since)) & (alerts.c.first_bucket <= time_of(until))
    query = select(alerts).where(
        alerts.c.detector == detector,
        alerts.c.entity_id.in_(entities),
        or_(alerts.c.episode == OPEN, within),
    )
    return _by_entity(connection, query)


def detectors(connection: Connection) -> list[str]:
    """What has found alerts that are open, by name."""
    return list(connection.execute(select(alerts.c.detector).where(alerts.c.episode == OPEN).distinct()).scalars())


def quiet_since(connection: Connection, detector: str, bucket: int) -> dict[str, list[Episode]]:
    """By entity: what is open although its last firing bucket lies before `bucket`. Locks those rows."""
    query = select(alerts).where(
        alerts.c.detector == detector, alerts.c.episode == OPEN, alerts.c.last_bucket < time_of(bucket)
    )
    return _by_entity(connection, query)


def write(
    connection: Connection, change: Change, found: Mapping[str, Any] | None, now: datetime, held_by: str = ""
) -> list[Taken]:
    """One change of one episode: its row, and the steps that follow, in order.

    `found` are the columns of what speaks for it, evidence and topics; None keeps what is there.

    `held_by` says why nobody is to be told of an alert that is new; empty: it is told.
    """
    before, after = change.before, change.after
    row = _row(after) | {"updated_at": now} | dict(found or {})
    if before is None:
        new: Status = "pending" if held_by else "firing"
        row |= {"alert_id": after.alert_id, "opened_at": now, "status": new, "held_by": held_by, "reminded_at": now}
        connection.execute(insert(alerts).values(row))
        steps = [_opened(connection, after, held_by, now)]
        status = new
    else:
        connection.execute(update(alerts).where(alerts.c.alert_id == after.alert_id).values(row))
        steps = []
        if before.severity == after.severity and before.active == after.active:
            return steps
        status = _status(connection, after.alert_id)
    if before is not None and rank(after.severity) > rank(before.severity):
        steps.append(_grown(connection, before, after, status, now))
        status = steps[-1].step.after
    if not after.active and (before is None or before.active):
        quiet = f"quiet since {time_of(after.last):%Y-%m-%d %H:%M} UTC"
        action: Literal["end", "revise"] = "revise" if status == RESOLVED else "end"
        steps.append(take(connection, after.alert_id, status, action, "engine", now=now, reason=quiet))
    return steps


def evidence_of(connection: Connection, alert_id: UUID) -> Evidence:
    """What is kept as the evidence of an alert that is there."""
    return from_json(connection.execute(select(alerts.c.evidence).where(alerts.c.alert_id == alert_id)).scalar_one())


def episode_of(row: Row[Any]) -> Episode:
    """The episode of a row of `alerts`."""
    peak, rule = msgspec.convert(row.evidence["peak"], Peak), row.evidence.get("rule")
    finding = Finding(
        bucket=peak.bucket,
        horizon_min=row.horizon_s // 60,
        observed=row.observed,
        observed_documents=peak.observed_documents,
        expected=row.expected,
        p_value=row.p_value,
        severity=cast(Severity, peak.severity),
        since=peak.since,
        rule=msgspec.convert(rule, RuleSeen) if rule else None,
        topics=peak.topics,
        previous=peak.previous,
        step_min=peak.step_min,
    )
    return Episode(
        alert_id=UUID(str(row.alert_id)),
        entity_id=row.entity_id,
        detector=row.detector,
        status=FIRING if row.episode == OPEN else RESOLVED,
        severity=row.severity,
        first=minute_of(row.first_bucket),
        last=minute_of(row.last_bucket),
        peak=finding,
    )


def _opened(connection: Connection, after: Episode, held_by: str, now: datetime) -> Taken:
    reason = f"{after.severity}: {why(after.peak, after.detector)}{offer(after.entity_id)}"
    reason += f"; held by {held_by}" if held_by else ""
    return take(connection, after.alert_id, None, "hold" if held_by else "open", "engine", now=now, reason=reason)


def _grown(connection: Connection, before: Episode, after: Episode, status: Status, now: datetime) -> Taken:
    reason = f"{before.severity} to {after.severity}: {why(after.peak, after.detector)}"
    action: Literal["escalate", "revise"] = "escalate" if before.active else "revise"
    return take(connection, after.alert_id, status, action, "engine", now=now, reason=reason)


def _status(connection: Connection, alert_id: UUID) -> Status:
    query = select(alerts.c.status).where(alerts.c.alert_id == alert_id)
    return cast(Status, connection.execute(query).scalar_one())


def _row(episode: Episode) -> dict[str, Any]:
    peak = episode.peak
    return {
        "entity_id": episode.entity_id,
        "detector": episode.detector,
        "episode": OPEN if episode.active else OVER,
        "severity": episode.severity,
        "first_bucket": time_of(episode.first),
        "last_bucket": time_of(episode.last),
        "horizon_s": peak.horizon_min * 60,
        "observed": peak.observed,
        "expected": peak.expected,
        "p_value": peak.p_value,
    }


def _by_entity(connection: Connection, query: Select[Any]) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = defaultdict(list)
    for row in connection.execute(query.order_by(alerts.c.alert_id).with_for_update()):
        found[row.entity_id].append(episode_of(row))
    return found
