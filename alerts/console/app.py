"""The application that people and programs visit: the console's pages, and the API below `/api/v1`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from alerts.api.app import PREFIX, api_app
from alerts.api.metrics import Measured
from alerts.api.parts import Parts
from alerts.console import (
    alert_page,
    answers,
    companies,
    inbox,
    live_rows,
    login,
    logins,
    stories,
    system_page,
    watch_entries,
    watchlist,
)
from alerts.console.headers import SafeHeaders
from alerts.console.rendering import page
from alerts.console.visit import LoginNeededError, RefusedPageError
from alerts.console.wording import language_of, words

__all__ = ["console_app"]

Handler = Callable[[Request, Any], Response | Awaitable[Response]]

_ROUTERS: Final = (
    login.router,
    logins.router,
    inbox.router,
    alert_page.router,
    answers.router,
    companies.router,
    watchlist.router,
    watch_entries.router,
    stories.router,
    system_page.router,
    live_rows.router,
)


def console_app(parts: Parts, *, https: bool) -> FastAPI:
    """The whole application. `https` tells whether browsers reach it by TLS: then cookies go no other way."""
    app = api_app(parts)
    app.state.https = https
    pages = APIRouter(include_in_schema=False)
    for router in _ROUTERS:
        pages.include_router(router)
    app.include_router(pages)
    app.mount("/static", StaticFiles(packages=[("alerts.console", "static")]), name="static")
    _tell_people(app)
    app.add_middleware(SafeHeaders, https=https)
    app.add_middleware(Measured)
    return app


def _tell_people(app: FastAPI) -> None:
    """Refusals outside the API are pages; those within stay problems."""

    @app.exception_handler(LoginNeededError)
    async def log_in(request: Request, error: LoginNeededError) -> Response:
        if request.url.path == "/live":
            return Response(status_code=401)
        return RedirectResponse(f"/login?next={quote(error.path)}", 303)

    @app.exception_handler(RefusedPageError)
    async def refused(request: Request, error: RefusedPageError) -> HTMLResponse:
        return _told(request, error.status, error.why)

    for kind, problem in list(app.exception_handlers.items()):
        if kind not in (LoginNeededError, RefusedPageError):
            app.add_exception_handler(kind, _as_page(problem))


def _as_page(problem: Handler) -> Handler:
    """The same refusal, worded for people where it was a page that they asked for."""

    async def either(request: Request, error: Exception) -> Response:
        answer = problem(request, error)
        answer = answer if isinstance(answer, Response) else await answer
        return answer if request.url.path.startswith((PREFIX, "/static")) else _told(request, answer.status_code)

    return either


def _told(request: Request, status: int, why: str = "") -> HTMLResponse:
    key = f"problem_{status}" if f"problem_{status}" in words() else "problem_400"
    return page(
        "problem.html",
        language_of(request),
        status=status,
        visitor=None,
        path=request.url.path,
        here="/",
        problem=key,
        why=why if why != "form" else "",
    )
