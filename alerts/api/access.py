"""Who asks, and whether they may: bearer tokens with scopes, for every route but the description."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from alerts import tokens
from alerts.api.parts import Parts, TheParts
from alerts.api.problems import ProblemError
from alerts.security_log import note
from alerts.tokens import Token

__all__ = ["Actor", "Configurer", "Reader", "address_of", "token_shown"]

_bearer = HTTPBearer(auto_error=False, description="A token of `yuqing tokens create`.")


def address_of(request: Request) -> str:
    """Where a request comes from: the visitor behind a proxy that the settings name, else whoever is connected."""
    return request.client.host if request.client else "unknown"


def token_shown(parts: Parts, shown: str, address: str) -> Token | None:
    """The token that somebody shows; None where it opens nothing. Raises ProblemError (429) for who only guesses."""
    parts.limits.refuse_guessing(address)
    now = parts.clock()
    with parts.reading() as connection:
        token = tokens.find(connection, shown, now)
    if token is None:
        parts.limits.count_failure(address)
    elif tokens.touch_due(token, now):
        note("token_used", actor=token.name, token=token.prefix, address=address)
        with parts.writing() as connection:
            tokens.touch(connection, token, now)
    return token


def _caller(
    scopes: SecurityScopes,
    request: Request,
    parts: TheParts,
    shown: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Token:
    if shown is None:
        raise _unknown("Send a token: Authorization: Bearer yq_…; `yuqing tokens create` makes one.")
    address, path = address_of(request), request.url.path
    token = token_shown(parts, shown.credentials, address)
    if token is None:
        note("token_refused", address=address, path=path)
        raise _unknown("This token is unknown, expired or revoked; `yuqing tokens list` shows which.")
    parts.limits.count_request(token.prefix)
    if missing := [scope for scope in scopes.scopes if scope not in token.scopes]:
        note("scope_refused", actor=token.name, token=token.prefix, scopes=missing, path=path, address=address)
        raise ProblemError(403, "Not allowed", f"This token lacks the scope {', '.join(missing)}.")
    return token


def _unknown(detail: str) -> ProblemError:
    return ProblemError(401, "Not authorised", detail, headers={"WWW-Authenticate": "Bearer"})


Reader = Annotated[Token, Security(_caller, scopes=["read"])]
Actor = Annotated[Token, Security(_caller, scopes=["act"])]
Configurer = Annotated[Token, Security(_caller, scopes=["configure"])]
