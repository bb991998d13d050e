"""The way back from an answer: what undoes the last one of an alert, where it is still the last and one's own."""

from __future__ import annotations

from typing import Final, cast
from uuid import UUID

from sqlalchemy import Connection, select

from alerts.answers.transitions import Action
from alerts.errors import AnswerError
from storage.tables import alert_history

__all__ = ["way_back"]

_BACK: Final[dict[str, Action]] = {"acknowledge": "retract", "snooze": "retract", "resolve": "reopen"}


def way_back(connection: Connection, alert_id: UUID, actor: str) -> tuple[Action, str]:
    """The action that takes the alert's last answer back, and what that was. The caller holds the alert's row locked.

    What was acknowledged before it was snoozed is acknowledged again. Raises AnswerError where the last change was
    somebody else's, or nothing that can be taken back: what happened since would be undone with it.
    """
    query = select(alert_history).where(alert_history.c.alert_id == alert_id)
    last = connection.execute(query.order_by(alert_history.c.entry_id.desc()).limit(1)).first()
    if last is None or last.actor != actor or last.action not in _BACK:
        what = f"its last change is {last.action!r} of {last.actor}" if last else "it has no history"
        raise AnswerError(f"there is nothing of yours to be taken back: {what}")
    if last.action == "snooze" and last.from_status == "acknowledged":
        return "acknowledge", last.action
    return _BACK[last.action], cast(str, last.action)
