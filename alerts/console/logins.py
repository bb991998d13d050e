"""Where one is logged in, and a way to end all other logins; who does that shows the token once more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from alerts.api.access import address_of, token_shown
from alerts.api.problems import ProblemError
from alerts.console import sessions
from alerts.console.visit import TheVisit, Visit, see_other
from alerts.security_log import note

__all__ = ["router"]

router = APIRouter()


@router.get("/logins")
def logins_page(visit: TheVisit) -> HTMLResponse:
    """Every login that was made with this token and is not over."""
    return _page(visit)


@router.post("/logins/end")
def end_others(visit: TheVisit, token: Annotated[str, Form()] = "", proof: Annotated[str, Form()] = "") -> Response:
    """Ends all of them but this one."""
    visit.check_form(proof)
    address = address_of(visit.request)
    try:
        shown = token_shown(visit.parts, token.strip(), address)
    except ProblemError as error:
        return _page(visit, error="too_often", status=error.problem.status)
    if shown is None or shown.token_id != visit.session.token.token_id:
        note("login_refused", actor=visit.session.token.name, path=visit.request.url.path, address=address)
        return _page(visit, error="wrong_token", status=401)
    with visit.parts.writing() as connection:
        ended = sessions.end_others(connection, visit.session)
    note("logout", actor=shown.name, token=shown.prefix, address=address, others=ended)
    return see_other("/logins")


def _page(visit: Visit, *, error: str = "", status: int = 200) -> HTMLResponse:
    with visit.parts.reading() as connection:
        found = sessions.of_token(connection, visit.session, visit.parts.clock())
    return visit.page("logins.html", status=status, logins=found, error=error)
