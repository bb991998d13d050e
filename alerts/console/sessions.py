"""Logins of the console: a random cookie, of which only the hash is stored, tied to the token that opened it.

A session ends with its token, after 12 hours, after an hour in which nothing was asked for, or when its owner leaves.
An open page asks for news every quarter of an hour, so an inbox on the wall stays. Each login makes a new one and
ends the one before, so nobody can plant a session in somebody's browser and wait. Forms carry a proof that the page
they are on was ours: an HMAC under the cookie's secret, which no other site can read.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from alerts import tokens
from alerts.tokens import Token
from storage.tables import console_sessions

__all__ = [
    "IDLE",
    "LASTS",
    "Login",
    "Session",
    "begin",
    "end",
    "end_others",
    "find",
    "form_proof",
    "of_token",
    "proves",
    "renew",
    "renewal_due",
]

LASTS: Final = timedelta(hours=12)
IDLE: Final = timedelta(hours=1)
_RENEW_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Session:
    """A login: the token that opened it, the secret of its cookie, and when it began and ends if nothing more comes."""

    token: Token
    secret: str
    began: datetime
    until: datetime

    def lasts(self, now: datetime) -> datetime:
        """Until when it goes on, as it is used at `now`."""
        return min(now + IDLE, self.began + LASTS, self.token.expires_at)


@dataclass(frozen=True)
class Login:
    """A login as its owner sees it; `this` is the one that asks."""

    began: datetime
    until: datetime
    this: bool


def begin(connection: Connection, token: Token, now: datetime) -> Session:
    """A new login; the ones that are over are swept away meanwhile."""
    connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= now))
    secret = secrets.token_urlsafe(32)
    session = Session(token, secret, now, min(now + IDLE, token.expires_at))
    row = {"digest": tokens.digest(secret), "token_id": token.token_id, "created_at": now}
    connection.execute(insert(console_sessions).values(**row, expires_at=session.until))
    return session


def find(connection: Connection, secret: str, now: datetime) -> Session | None:
    """The login that a cookie stands for; None where it is over, or its token opens nothing any more."""
    query = select(console_sessions).where(
        console_sessions.c.digest == tokens.digest(secret), console_sessions.c.expires_at > now
    )
    row = connection.execute(query).first()
    token = tokens.by_id(connection, row.token_id) if row else None
    if row is None or token is None or token.state(now) != "active":
        return None
    return Session(token, secret, row.created_at, row.expires_at)


def renewal_due(session: Session, now: datetime) -> bool:
    """Whether its use is worth writing down, once a minute at most."""
    return session.lasts(now) - session.until >= _RENEW_EVERY


def renew(connection: Connection, session: Session, now: datetime) -> None:
    """Notes that it was used. One that somebody has ended meanwhile stays ended."""
    ours = console_sessions.c.digest == tokens.digest(session.secret)
    connection.execute(update(console_sessions).where(ours).values(expires_at=session.lasts(now)))


def end(connection: Connection, secret: str) -> None:
    """Ends a login; nothing where there is none."""
    connection.execute(delete(console_sessions).where(console_sessions.c.digest == tokens.digest(secret)))


def of_token(connection: Connection, session: Session, now: datetime) -> list[Login]:
    """Every login that was made with the same token and is not over, newest first."""
    query = select(console_sessions).where(
        console_sessions.c.token_id == session.token.token_id, console_sessions.c.expires_at > now
    )
    ours = tokens.digest(session.secret)
    rows = connection.execute(query.order_by(console_sessions.c.created_at.desc()))
    return [Login(row.created_at, row.expires_at, row.digest == ours) for row in rows]


def end_others(connection: Connection, session: Session) -> int:
    """Ends every login of the same token but this one; returns how many."""
    others = delete(console_sessions).where(
        console_sessions.c.token_id == session.token.token_id,
        console_sessions.c.digest != tokens.digest(session.secret),
    )
    return connection.execute(others).rowcount


def form_proof(session: Session, path: str) -> str:
    """What a form that posts to `path` carries."""
    return hmac.new(session.secret.encode(), f"form:{path}".encode(), hashlib.sha256).hexdigest()


def proves(session: Session, path: str, proof: str) -> bool:
    """Whether a form was on a page of this session and meant this path."""
    return hmac.compare_digest(form_proof(session, path).encode(), proof.encode("utf-8", "replace"))
