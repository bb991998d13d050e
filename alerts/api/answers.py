"""`/alerts/{id}/…`: what analysts do with an alert. Each answer is one transaction of `alerts.desk`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from alerts.answers.feedback import Verdict
from alerts.api.access import Actor
from alerts.api.parts import TheParts
from alerts.api.wire import Body, Instant
from alerts.desk import Answered

__all__ = ["router"]

router = APIRouter(prefix="/alerts/{alert_id}", tags=["answers"])

Reason = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]


class Answer(Body):
    """Why, for the history."""

    reason: Reason = ""


class Comment(Body):
    """A line for the history."""

    reason: Annotated[Reason, Field(min_length=1, pattern=r"^[^\x00]*\S[^\x00]*$")]


class Snooze(Answer):
    """How long it is to be quiet; it wakes at once where it grows worse."""

    until: Instant


class Feedback(Answer):
    """Whether the alert was right."""

    verdict: Verdict


@router.post("/acknowledge")
def acknowledge(parts: TheParts, actor: Actor, alert_id: UUID, answer: Answer) -> Answered:
    """Somebody has taken it: reminders end."""
    return parts.desk.acknowledge(alert_id, actor=actor.name, reason=answer.reason)


@router.post("/snooze")
def snooze(parts: TheParts, actor: Actor, alert_id: UUID, answer: Snooze) -> Answered:
    """Quiet until then."""
    return parts.desk.snooze(alert_id, actor=actor.name, until=answer.until, reason=answer.reason)


@router.post("/resolve")
def resolve(parts: TheParts, actor: Actor, alert_id: UUID, answer: Answer) -> Answered:
    """Over, says a person. Should detection find worse in the same episode, it is reopened."""
    return parts.desk.resolve(alert_id, actor=actor.name, reason=answer.reason)


@router.post("/reopen")
def reopen(parts: TheParts, actor: Actor, alert_id: UUID, answer: Answer) -> Answered:
    """Not over, says a person."""
    return parts.desk.reopen(alert_id, actor=actor.name, reason=answer.reason)


@router.post("/comments")
def comment(parts: TheParts, actor: Actor, alert_id: UUID, answer: Comment) -> Answered:
    """A line in the history, in whatever status."""
    return parts.desk.comment(alert_id, actor=actor.name, reason=answer.reason)


@router.post("/feedback", tags=["feedback"])
def judge(parts: TheParts, actor: Actor, alert_id: UUID, answer: Feedback) -> Answered:
    """Says whether the alert was right, for evaluation. A false alarm is resolved where it is not yet."""
    return parts.desk.judge(alert_id, answer.verdict, actor=actor.name, reason=answer.reason)
