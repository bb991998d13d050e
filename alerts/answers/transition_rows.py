"""A transition as rows: what it changes in the alert, and its entry in the history, in the caller's transaction.

The caller holds the alert's row locked. Whoever dies before the commit has changed nothing; after it, everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, update

from alerts.answers.transitions import Action, Party, Status, Step, step
from storage.tables import alert_history, alerts

__all__ = ["CLOCK", "ENGINE", "Taken", "take"]

ENGINE = "engine"
"""The actor of what detection does by itself."""

CLOCK = "clock"
"""The actor of what happens because its time has come."""

_ACTORS: dict[Party, str] = {"engine": ENGINE, "clock": CLOCK}


@dataclass(frozen=True)
class Taken:
    """A step that was written: of which alert, and the history's number for it, which occurs once."""

    alert_id: UUID
    step: Step
    entry_id: int
    actor: str
    reason: str


def take(
    connection: Connection,
    alert_id: UUID,
    status: Status | None,
    action: Action,
    by: Party,
    *,
    now: datetime,
    reason: str,
    actor: str = "",
    until: datetime | None = None,
) -> Taken:
    """Takes one step of an alert in `status` and writes it down. Raises TransitionError; nothing is written then.

    `actor` is needed of analysts. The alert's row must exist by now, with whatever the step does not concern.
    """
    taken = step(status, action, by)
    who = actor or _ACTORS.get(by, "")
    if not who:
        raise ValueError("an analyst's action needs an actor")
    if status is not None:  # a new alert was written as what it is
        changes = _changes(taken, who, now, until)
        connection.execute(update(alerts).where(alerts.c.alert_id == alert_id).values(updated_at=now, **changes))
    entry = insert(alert_history).values(
        alert_id=alert_id,
        at=now,
        from_status=taken.before,
        to_status=taken.after,
        actor=who,
        reason=reason,
        action=action,
        until=until,
    )
    entry_id: int = connection.execute(entry.returning(alert_history.c.entry_id)).scalar_one()
    return Taken(alert_id, taken, entry_id, who, reason)


def _changes(taken: Step, actor: str, now: datetime, until: datetime | None) -> dict[str, Any]:
    """The columns that follow from the step; those of the episode are detection's."""
    if taken.action == "remind":
        return {"reminders": alerts.c.reminders + 1, "reminded_at": now}
    if taken.before == taken.after and taken.action != "snooze":
        return {}
    changes: dict[str, Any] = {"status": taken.after, "snoozed_until": until, "resolved_at": None}
    if taken.after == "resolved":
        changes["resolved_at"] = now
    if taken.after not in ("pending", "resolved"):  # what ends while it is held has never been told
        changes["held_by"] = ""
    if taken.after == "acknowledged":
        return changes | {"acknowledged_by": actor, "acknowledged_at": now}
    if taken.after in ("firing", "reopened"):
        # It waits for an answer from now on: reminders begin again.
        return changes | {"acknowledged_by": "", "acknowledged_at": None, "reminders": 0, "reminded_at": now}
    return changes
