"""Logins of the console: a random cookie, of which only the hash is stored, tied to the token that opened it.

A session ends with its token, after 12 hours, or when its owner leaves. Each login makes a new one and ends the one
before, so nobody can plant a session in somebody's browser and wait. Forms carry a proof that the page they are on
was ours: an HMAC under the cookie's secret, which no other site can read.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from alerts import tokens
from alerts.tokens import Token
from storage.tables import console_sessions

__all__ = ["LASTS", "Session", "begin", "end", "find", "form_proof", "proves"]

LASTS: Final = timedelta(hours=12)


@dataclass(frozen=True)
class Session:
    """A login: the token that opened it, and the secret of its cookie."""

    token: Token
    secret: str


def begin(connection: Connection, token: Token, now: datetime) -> Session:
    """A new login; the ones that are over are swept away meanwhile."""
    connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= now))
    secret = secrets.token_urlsafe(32)
    row = {"digest": tokens.digest(secret), "token_id": token.token_id, "created_at": now}
    connection.execute(insert(console_sessions).values(**row, expires_at=min(now + LASTS, token.expires_at)))
    return Session(token, secret)


def find(connection: Connection, secret: str, now: datetime) -> Session | None:
    """The login that a cookie stands for; None where it is over, or its token opens nothing any more."""
    query = select(console_sessions).where(
        console_sessions.c.digest == tokens.digest(secret), console_sessions.c.expires_at > now
    )
    row = connection.execute(query).first()
    token = tokens.by_id(connection, row.token_id) if row else None
    return Session(token, secret) if token is not None and token.state(now) == "active" else None


def end(connection: Connection, secret: str) -> None:
    """Ends a login; nothing where there is none."""
    connection.execute(delete(console_sessions).where(console_sessions.c.digest == tokens.digest(secret)))


def form_proof(session: Session, path: str) -> str:
    """What a form that posts to `path` carries."""
    return hmac.new(session.secret.encode(), f"form:{path}".encode(), hashlib.sha256).hexdigest()


def proves(session: Session, path: str, proof: str) -> bool:
    """Whether a form was on a page of this session and meant this path."""
    return hmac.compare_digest(form_proof(session, path).encode(), proof.encode("utf-8", "replace"))
