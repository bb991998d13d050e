"""The desk: where analysts answer alerts. The command line and the HTTP API both stand on it.

Each answer is one transaction:

    1  the alert's row is locked: detection, the clock and other analysts wait
    2  the transition table says whether this may be done
    3  the row, its entry in the history, and deliveries to those who want to hear of it
    4  commit

What if we die here? Before 4 nothing has happened. After 4 all of it has, and the outbox delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine

from alerts.answers import feedback, silences, standing
from alerts.answers.feedback import Verdict
from alerts.answers.matchers import Matcher
from alerts.answers.silences import Silence
from alerts.answers.transition_rows import Taken, take
from alerts.answers.transitions import Action, Status, actions_of
from alerts.answers.undoing import way_back
from alerts.delivery.announcing import Destination, announce
from alerts.errors import AnswerError, TransitionError, UnknownAlertError

__all__ = ["Answered", "Desk"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""

_MOST_REASON: Final = 2000
_MOST_ACTOR: Final = 200
_RESERVED: Final = ("engine", "clock")


@dataclass(frozen=True)
class Answered:
    """What an answer came to. `possible` is what an analyst may do next; `deliveries` how many were queued."""

    alert_id: UUID
    action: Action
    before: Status
    status: Status
    actor: str
    reason: str
    until: datetime | None
    possible: tuple[Action, ...]
    deliveries: int


class Desk:
    """Answers, one transaction each, on the clock's time.

    Every answer takes `actor`, who gives it (1 to 200 characters, not "engine" or "clock"), and `reason`, up to 2,000
    characters. Raises UnknownAlertError where there is no such alert, TransitionError where its status does not allow
    the answer (the error lists what it allows), AnswerError where actor, reason or time make no sense.
    """

    def __init__(self, engine: Engine, endpoints: Sequence[Destination], clock: Clock) -> None:
        self._engine = engine
        self._endpoints = tuple(endpoints)
        self._clock = clock

    def find(self, beginning: str) -> UUID:
        """The id of the one alert whose id begins so. Raises UnknownAlertError."""
        with self._engine.connect() as connection:
            return standing.find(connection, beginning)

    def acknowledge(self, alert_id: UUID, *, actor: str, reason: str = "") -> Answered:
        """Somebody has taken it: reminders end."""
        return self._answer(alert_id, "acknowledge", actor, reason)

    def snooze(self, alert_id: UUID, *, actor: str, until: datetime, reason: str = "") -> Answered:
        """Quiet until a time to come (aware); then it fires again, and at once where it grows worse."""
        if until <= self._clock():
            raise AnswerError(f"a snooze until {until:%Y-%m-%d %H:%M %Z} is over already: give a time to come")
        return self._answer(alert_id, "snooze", actor, reason, until=until)

    def resolve(self, alert_id: UUID, *, actor: str, reason: str = "") -> Answered:
        """Over, says a person. Should detection find worse in the same episode, it is reopened."""
        return self._answer(alert_id, "resolve", actor, reason)

    def reopen(self, alert_id: UUID, *, actor: str, reason: str = "") -> Answered:
        """Not over, says a person; it stays until a person resolves it, or detection does while its episode lasts."""
        return self._answer(alert_id, "reopen", actor, reason)

    def undo(self, alert_id: UUID, *, actor: str) -> Answered:
        """Takes back one's own last answer, while nothing has happened since; a verdict with it. Raises AnswerError."""
        self._check(actor, "")
        now = self._clock()
        with self._engine.begin() as connection:
            before = self._locked(connection, alert_id)
            action, what = way_back(connection, alert_id, actor)
            reason = f"{what} taken back"
            taken = take(connection, alert_id, before, action, "analyst", now=now, reason=reason, actor=actor)
            if what == "resolve":
                feedback.withdraw(connection, alert_id, actor=actor, now=now)
            sent = announce(connection, [taken], self._endpoints, now)
        return _answered(taken, before, None, sent)

    def comment(self, alert_id: UUID, *, actor: str, reason: str) -> Answered:
        """A line in the history, in whatever status."""
        if not reason.strip():
            raise AnswerError("a comment needs words")
        return self._answer(alert_id, "comment", actor, reason)

    def judge(self, alert_id: UUID, verdict: Verdict, *, actor: str, reason: str = "") -> Answered:
        """Says whether the alert was right, for evaluation. A false alarm is resolved where it is not yet."""
        return self._answer(alert_id, None, actor, reason, verdict=verdict)

    def silence(
        self,
        matchers: Sequence[Matcher],
        *,
        actor: str,
        reason: str,
        ends_at: datetime,
        starts_at: datetime | None = None,
    ) -> Silence:
        """Nobody is told of what matches all `matchers` until `ends_at`. Raises SilenceError."""
        self._check(actor, reason)
        with self._engine.begin() as connection:
            return silences.add(
                connection,
                matchers,
                reason=reason,
                actor=actor,
                now=self._clock(),
                ends_at=ends_at,
                starts_at=starts_at,
            )

    def expire(self, silence_id: UUID, *, actor: str) -> Silence:
        """Ends a silence. What it held is told of within seconds. Raises SilenceError."""
        self._check(actor, "")
        with self._engine.begin() as connection:
            return silences.expire(connection, silence_id, actor=actor, now=self._clock())

    def _answer(
        self,
        alert_id: UUID,
        action: Action | None,
        actor: str,
        reason: str,
        *,
        until: datetime | None = None,
        verdict: Verdict | None = None,
    ) -> Answered:
        self._check(actor, reason)
        now = self._clock()
        with self._engine.begin() as connection:
            before = self._locked(connection, alert_id)
            if verdict is not None:
                feedback.note(connection, alert_id, verdict, why=reason, actor=actor, now=now)
                told = "false alarm" if verdict == "false_alarm" else "true alarm"
                reason = f"{told}: {reason}" if reason else told
            chosen = action or ("comment" if verdict == "true" or before == "resolved" else "resolve")
            try:
                taken = take(
                    connection, alert_id, before, chosen, "analyst", now=now, reason=reason, actor=actor, until=until
                )
            except TransitionError as error:
                about = f"alert {str(alert_id)[:8]}"
                raise TransitionError(error.action, error.status, error.possible, about) from error
            sent = announce(connection, [taken], self._endpoints, now)
        return _answered(taken, before, until, sent)

    def _locked(self, connection: Connection, alert_id: UUID) -> Status:
        found = standing.read(connection, [alert_id], lock=True).get(alert_id)
        if found is None:
            raise UnknownAlertError(str(alert_id), 0)
        return found.status

    def _check(self, actor: str, reason: str) -> None:
        if not actor.strip() or len(actor) > _MOST_ACTOR or actor in _RESERVED:
            raise AnswerError(f"actor {actor[:40]!r}: give who answers, in 1 to {_MOST_ACTOR} characters")
        if len(reason) > _MOST_REASON:
            raise AnswerError(f"the reason has {len(reason):,} characters: give at most {_MOST_REASON:,}")
        if "\0" in actor + reason:
            raise AnswerError("actor or reason holds a NUL character, which cannot be stored: leave it out")


def _answered(taken: Taken, before: Status, until: datetime | None, sent: int) -> Answered:
    return Answered(
        alert_id=taken.alert_id,
        action=taken.step.action,
        before=before,
        status=taken.step.after,
        actor=taken.actor,
        reason=taken.reason,
        until=until,
        possible=actions_of(taken.step.after, "analyst"),
        deliveries=sent,
    )
