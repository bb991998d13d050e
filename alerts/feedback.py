"""What analysts say of an alert: right, or a false alarm, and why. Written once, never changed; for evaluation."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, insert

from storage.tables import alert_feedback

__all__ = ["Verdict", "note"]

Verdict = Literal["true", "false_alarm"]
"""What the view alert_verdicts counts: of several verdicts on one alert, the newest."""


def note(connection: Connection, alert_id: UUID, verdict: Verdict, *, why: str, actor: str, now: datetime) -> int:
    """Writes one verdict; returns its number. The caller has made sure that there is such an alert."""
    statement = insert(alert_feedback).values(alert_id=alert_id, verdict=verdict, why=why, actor=actor, at=now)
    number: int = connection.execute(statement.returning(alert_feedback.c.feedback_id)).scalar_one()
    return number
