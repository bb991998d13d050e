"""A visit: who is logged in, in which language, and the pages and forms that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from alerts.api.access import address_of
from alerts.api.parts import Parts, TheParts
from alerts.console import sessions
from alerts.console.rendering import page
from alerts.console.sessions import Session
from alerts.console.wording import Language, language_of
from alerts.security_log import SecurityEvent, note
from alerts.tokens import Scope

__all__ = [
    "LoginNeededError",
    "RefusedPageError",
    "TheVisit",
    "Visit",
    "cookie_name",
    "from_our_page",
    "local",
    "see_other",
]


class LoginNeededError(Exception):
    """Nobody is logged in: the visitor is sent to the login page and then back to `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class RefusedPageError(Exception):
    """This visitor may not do that, or the request did not come from a page of ours; told as a page."""

    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is logged in."""

    request: Request
    parts: Parts
    session: Session
    language: Language

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page for this visitor; `proof(path)` in it makes the proof of a form."""
        return page(
            template,
            self.language,
            status=status,
            visitor=self.session.token,
            may_act="act" in self.session.token.scopes,
            path=self.request.url.path,
            here=here(self.request),
            proof=lambda path: sessions.form_proof(self.session, path),
            **values,
        )

    def needs(self, scope: Scope) -> None:
        """Raises RefusedPageError where the visitor's token lacks the scope."""
        if scope not in self.session.token.scopes:
            self._note("scope_refused", scopes=[scope])
            raise RefusedPageError(403)

    def check_form(self, proof: str) -> None:
        """Raises RefusedPageError for a form that was not on a page of this session."""
        if not from_our_page(self.request) or not sessions.proves(self.session, self.request.url.path, proof):
            self._note("form_refused")
            raise RefusedPageError(403, "form")

    def _note(self, event: SecurityEvent, **more: object) -> None:
        token, path = self.session.token, self.request.url.path
        note(event, actor=token.name, token=token.prefix, path=path, address=address_of(self.request), **more)


def _visit(request: Request, parts: TheParts) -> Visit:
    secret = request.cookies.get(cookie_name(request), "")
    now = parts.clock()
    with parts.reading() as connection:
        session = sessions.find(connection, secret, now) if secret else None
    if session is None or "read" not in session.token.scopes:
        raise LoginNeededError(here(request) if request.method == "GET" else "/")
    if sessions.renewal_due(session, now):
        with parts.writing() as connection:
            sessions.renew(connection, session, now)
    parts.limits.count_request(session.token.prefix)
    return Visit(request, parts, session, language_of(request))


TheVisit = Annotated[Visit, Depends(_visit)]


def cookie_name(request: Request) -> str:
    """With TLS the browser itself sees to it that nobody but this host sets the cookie."""
    return "__Host-yuqing" if request.app.state.https else "yuqing"


def from_our_page(request: Request) -> bool:
    """Whether a browser says that the request comes from a page of ours; one that says nothing is not believed."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def here(request: Request) -> str:
    """The path and query that were asked for."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def local(path: str) -> str:
    """The path where it leads into the console, else its beginning: nobody is sent elsewhere by a link of ours."""
    parts = urlsplit(path)
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return quote(path, safe="/?&=%:+,-_.~") if inside and path.isprintable() and "\\" not in path else "/"


def see_other(path: str) -> RedirectResponse:
    """Sends the browser on after a form."""
    return RedirectResponse(local(path), 303)
