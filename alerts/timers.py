"""What happens to alerts because its time has come: snoozes end, silences end, nobody has answered.

Each scan is one transaction; rows that somebody holds are left for the next one, a few seconds later. Any number of
processes may scan: what one has taken, the others find done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, or_, select

from alerts.answers.holding import Holding, Holds
from alerts.answers.standing import Standing, read
from alerts.answers.transition_rows import Taken, take
from alerts.answers.transitions import Action
from alerts.delivery.announcing import Destination, announce
from alerts.detection.thresholds import SEVERITIES
from storage.tables import alerts

__all__ = ["Timers"]

_MOST: Final = 500
"""Alerts of one transaction."""


def _rank(column: ColumnElement[str]) -> ColumnElement[int]:
    return case({name: place for place, name in enumerate(SEVERITIES)}, value=column, else_=-1)


class Timers:
    """Scans for what is due. `remind_after` (None: never) is how long an alert may go unanswered, each time anew,
    up to `most_reminders`. `holding` are the rules by which detection holds alerts, too."""

    def __init__(
        self,
        engine: Engine,
        endpoints: Sequence[Destination],
        clock: Callable[[], datetime],
        *,
        remind_after: timedelta | None = None,
        most_reminders: int = 3,
        holding: Holding | None = None,
    ) -> None:
        self._engine = engine
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._remind_after = remind_after
        self._most_reminders = most_reminders
        self._holding = holding or Holding()

    def once(self) -> int:
        """Takes every step that is due; returns how many."""
        return self.wake() + self.release() + self.catch_up() + self.remind()

    def wake(self) -> int:
        """Snoozes that are over."""
        return self._scan(lambda now: alerts.c.snoozed_until <= now, "wake", lambda _, __: "the snooze is over")

    def release(self) -> int:
        """Pending alerts that nothing holds any more: told of now. Of the others it says what holds them by now."""

        def why(each: Standing, holds: Holds) -> str | None:
            held_by = holds.why(each.episode, each.labels)
            if not held_by:
                return f"no longer held by {each.held_by}"
            if held_by != each.held_by:
                holds.note(each.alert_id, held_by)
            return None

        return self._scan(lambda _: alerts.c.status == "pending", "release", why)

    def catch_up(self) -> int:
        """Alerts that have grown worse than the outside was told, because of a silence that is over."""
        worse = and_(
            alerts.c.status.in_(("firing", "acknowledged", "reopened")),
            _rank(alerts.c.told_severity) < _rank(alerts.c.severity),
        )
        return self._scan(
            lambda _: worse,
            "catch_up",
            lambda each, holds: None if holds.silenced(each.labels) else "silenced until now",
        )

    def remind(self) -> int:
        """Alerts that nobody has answered."""
        after = self._remind_after
        if after is None:
            return 0
        waiting = and_(alerts.c.status.in_(("firing", "reopened")), alerts.c.reminders < self._most_reminders)
        return self._scan(
            lambda now: and_(waiting, or_(alerts.c.reminded_at.is_(None), alerts.c.reminded_at <= now - after)),
            "remind",
            lambda each, holds: (
                None
                if holds.silenced(each.labels)
                else f"unanswered for {after * (each.reminders + 1)}, reminder {each.reminders + 1}"
            ),
        )

    def _scan(
        self,
        due: Callable[[datetime], ColumnElement[bool]],
        action: Action,
        why: Callable[[Standing, Holds], str | None],
    ) -> int:
        """One `action` for each alert that is `due` and for which `why` has a reason."""
        steps = 0
        after: UUID | None = None
        while True:
            now = self._clock()
            with self._engine.begin() as connection:
                found = list(_locked(connection, due(now), after))
                standings = read(connection, found)
                holds = self._holding.look(connection, now)
                taken: list[Taken] = []
                for alert_id in found:
                    reason = why(standings[alert_id], holds)
                    if reason is not None:
                        status = standings[alert_id].status
                        taken.append(take(connection, alert_id, status, action, "clock", now=now, reason=reason))
                announce(connection, taken, self._endpoints, now)
            steps += len(taken)
            if len(found) < _MOST:
                return steps
            after = found[-1]


def _locked(connection: Connection, due: ColumnElement[bool], after: UUID | None) -> Iterator[Any]:
    query = select(alerts.c.alert_id).where(due, alerts.c.status != "resolved").order_by(alerts.c.alert_id)
    if after is not None:
        query = query.where(alerts.c.alert_id > after)
    return iter(connection.execute(query.limit(_MOST).with_for_update(skip_locked=True)).scalars())
