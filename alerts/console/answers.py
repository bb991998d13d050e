"""What the buttons do: one form, one answer of the desk, and back to the page with a word and an undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from alerts.console.visit import RefusedPageError, TheVisit, Visit, see_other
from alerts.errors import AnswerError

__all__ = ["ANSWERS", "router"]

router = APIRouter()

Answer = Callable[[Visit, UUID, str], object]


def _snooze(hours: int) -> Answer:
    def answer(visit: Visit, alert_id: UUID, reason: str) -> object:
        until = visit.parts.clock() + timedelta(hours=hours)
        return visit.parts.desk.snooze(alert_id, actor=visit.session.token.name, until=until, reason=reason)

    return answer


ANSWERS: Final[Mapping[str, Answer]] = {
    "acknowledge": lambda visit, alert_id, reason: visit.parts.desk.acknowledge(
        alert_id, actor=visit.session.token.name, reason=reason
    ),
    "snooze": _snooze(1),
    "snooze_day": _snooze(24),
    "resolve": lambda visit, alert_id, reason: visit.parts.desk.resolve(
        alert_id, actor=visit.session.token.name, reason=reason
    ),
    "false_alarm": lambda visit, alert_id, reason: visit.parts.desk.judge(
        alert_id, "false_alarm", actor=visit.session.token.name, reason=reason
    ),
    "reopen": lambda visit, alert_id, reason: visit.parts.desk.reopen(
        alert_id, actor=visit.session.token.name, reason=reason
    ),
    "comment": lambda visit, alert_id, reason: visit.parts.desk.comment(
        alert_id, actor=visit.session.token.name, reason=reason
    ),
    "undo": lambda visit, alert_id, reason: visit.parts.desk.undo(alert_id, actor=visit.session.token.name),
}


@router.post("/alerts/{alert_id}/answer")
def answer(
    visit: TheVisit,
    alert_id: UUID,
    action: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    proof: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> RedirectResponse:
    """Does it, and goes back to where the button was."""
    visit.check_form(proof)
    visit.needs("act")
    if action not in ANSWERS:
        raise RefusedPageError(400)
    try:
        ANSWERS[action](visit, alert_id, reason.strip())
    except AnswerError as error:
        raise RefusedPageError(409, str(error)) from error
    return see_other(_with(next, done=action, alert=str(alert_id)))


def _with(path: str, **values: str) -> str:
    """The path with these values in its query, in place of earlier ones."""
    parts = urlsplit(path)
    kept = dict(parse_qsl(parts.query)) | values
    return f"{parts.path}?{urlencode(kept)}"
