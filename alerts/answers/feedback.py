"""What analysts say of an alert: right, or a false alarm, and why. Written once, never changed; for evaluation."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, insert, select

from storage.tables import alert_feedback

__all__ = ["Verdict", "note", "withdraw"]

Verdict = Literal["true", "false_alarm"]
"""What the view alert_verdicts counts: of several verdicts on one alert, the newest."""

_WITHDRAWN = "withdrawn"


def note(connection: Connection, alert_id: UUID, verdict: Verdict, *, why: str, actor: str, now: datetime) -> int:
    """Writes one verdict; returns its number. The caller has made sure that there is such an alert."""
    statement = insert(alert_feedback).values(alert_id=alert_id, verdict=verdict, why=why, actor=actor, at=now)
    number: int = connection.execute(statement.returning(alert_feedback.c.feedback_id)).scalar_one()
    return number


def withdraw(connection: Connection, alert_id: UUID, *, actor: str, now: datetime) -> None:
    """Takes back the verdict of `actor` where it is the newest of the alert: it then counts as never judged."""
    query = select(alert_feedback).where(alert_feedback.c.alert_id == alert_id)
    newest = connection.execute(query.order_by(alert_feedback.c.feedback_id.desc()).limit(1)).first()
    if newest is not None and newest.actor == actor and newest.verdict != _WITHDRAWN:
        row = {"alert_id": alert_id, "verdict": _WITHDRAWN, "why": "", "actor": actor, "at": now}
        connection.execute(insert(alert_feedback).values(row))
