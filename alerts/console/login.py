"""Logging in with a token, and out again; choosing the language."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.api.access import address_of, token_shown
from alerts.api.parts import TheParts
from alerts.api.problems import ProblemError
from alerts.console import sessions
from alerts.console.rendering import page
from alerts.console.visit import RefusedPageError, TheVisit, cookie_name, from_our_page, local, see_other
from alerts.console.wording import COOKIE, LANGUAGES, language_of
from alerts.security_log import note

__all__ = ["router"]

router = APIRouter()

_A_YEAR_S = int(timedelta(days=365).total_seconds())


@router.get("/login")
def login_page(request: Request, next: str = "/") -> HTMLResponse:
    """The form for a token."""
    return _form(request, next)


@router.post("/login")
def log_in(
    request: Request, parts: TheParts, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Opens a session for a token that may read. A session that the browser had is ended: the new one is its own."""
    address = address_of(request)
    if not from_our_page(request):
        note("form_refused", path=request.url.path, address=address)
        raise RefusedPageError(403, "form")
    try:
        found = token_shown(parts, token.strip(), address)
    except ProblemError as error:
        return _form(request, next, error="too_often", status=error.problem.status)
    if found is None or "read" not in found.scopes:
        note("login_refused", address=address)
        return _form(request, next, error="wrong_token", status=401)
    with parts.writing() as connection:
        sessions.end(connection, request.cookies.get(cookie_name(request), ""))
        session = sessions.begin(connection, found, parts.clock())
    note("login", actor=found.name, token=found.prefix, address=address)
    response = see_other(next)
    response.set_cookie(
        cookie_name(request),
        session.secret,
        max_age=int(sessions.LASTS.total_seconds()),
        httponly=True,
        secure=request.app.state.https,
        samesite="strict",
    )
    return response


@router.post("/logout")
def log_out(visit: TheVisit, proof: Annotated[str, Form()] = "") -> Response:
    """Ends the session, here and in the database."""
    visit.check_form(proof)
    with visit.parts.writing() as connection:
        sessions.end(connection, visit.session.secret)
    token = visit.session.token
    note("logout", actor=token.name, token=token.prefix, address=address_of(visit.request))
    response = see_other("/login")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    response.delete_cookie(
        cookie_name(visit.request), httponly=True, secure=visit.request.app.state.https, samesite="strict"
    )
    return response


@router.get("/language")
def choose_language(request: Request, to: str = "en", next: str = "/") -> RedirectResponse:
    """Remembers a language in a cookie: a wish, no secret."""
    response = see_other(next)
    if to in LANGUAGES:
        response.set_cookie(
            COOKIE, to, max_age=_A_YEAR_S, httponly=True, secure=request.app.state.https, samesite="strict"
        )
    return response


def _form(request: Request, next: str, *, error: str = "", status: int = 200) -> HTMLResponse:
    return page(
        "login.html",
        language_of(request),
        status=status,
        visitor=None,
        path="/login",
        here="/login",
        next=local(next),
        error=error,
    )
