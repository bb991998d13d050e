"""Tokens of the API and the console: 256 random bits, shown once; only their SHA-256 is kept.

A token is `yq_PREFIX_SECRET`. The prefix finds the row and may be shown; the secret is compared in constant time. A
slow hash, as passwords need it, would protect nothing here: nobody guesses 256 bits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast, get_args

from sqlalchemy import Connection, Row, insert, select, update

from alerts.errors import TokenError
from alerts.security_log import note
from storage.tables import api_tokens

__all__ = [
    "ROLES",
    "SCOPES",
    "Role",
    "Scope",
    "Token",
    "by_id",
    "create",
    "digest",
    "find",
    "revoke",
    "stored",
    "touch",
    "touch_due",
]

Role = Literal["viewer", "analyst", "operator"]
Scope = Literal["read", "act", "configure"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

SCOPES: Final[dict[Role, tuple[Scope, ...]]] = {
    "viewer": ("read",),
    "analyst": ("read", "act"),
    "operator": ("read", "act", "configure"),
}
"""What a role may: `read` everything that is shown, `act` on alerts (acknowledge, snooze, resolve, feedback) and on
entries of the watch list, and `configure` what reaches whom (silences, subscriptions)."""

_LONGEST: Final = timedelta(days=366)
_MARK: Final = "yq"
_TOUCH_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """A token as it is stored; `name` is the actor in the history of alerts."""

    token_id: int
    prefix: str
    name: str
    role: Role
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        """Whether it still opens anything."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if now < self.expires_at else "expired"


def create(
    connection: Connection,
    name: str,
    role: Role,
    *,
    now: datetime,
    lasts: timedelta,
    scopes: Sequence[Scope] | None = None,
) -> tuple[Token, str]:
    """Writes a token; returns it with what its owner must keep, which nobody can show again.

    `scopes` narrows what the role may. Raises TokenError for a name without letters, a scope that the role does not
    have, or a life that is not between now and a year.
    """
    if not name.strip() or not name.isprintable() or len(name) > 80:
        raise TokenError("name", name, "give the person or program that it is for, at most 80 printable characters")
    if not timedelta(0) < lasts <= _LONGEST:
        raise TokenError("life", str(lasts), f"give more than nothing and at most {_LONGEST.days} days")
    chosen = SCOPES[role] if scopes is None else tuple(dict.fromkeys(scopes))
    if not chosen or (beyond := set(chosen) - set(SCOPES[role])):
        given = ", ".join(sorted(beyond)) if chosen else "nothing"
        raise TokenError("scopes", given, f"choose from {', '.join(SCOPES[role])}, or give another role")
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    row: dict[str, Any] = {
        "prefix": prefix,
        "digest": digest(secret),
        "name": name.strip(),
        "role": role,
        "scopes": list(chosen),
    }
    row |= {"created_at": now, "expires_at": now + lasts}
    made = connection.execute(insert(api_tokens).values(row).returning(*api_tokens.c)).one()
    note("token_created", actor=row["name"], token=prefix, role=role, expires_at=row["expires_at"].isoformat())
    return _token(made), f"{_MARK}_{prefix}_{secret}"


def find(connection: Connection, shown: str, now: datetime) -> Token | None:
    """The active token that somebody shows; None for any other text, in the same time."""
    mark, _, rest = shown.partition("_")
    prefix, _, secret = rest.partition("_")
    row = connection.execute(select(api_tokens).where(api_tokens.c.prefix == prefix.replace("\0", ""))).first()
    expected = row.digest if row else digest("")
    same = hmac.compare_digest(digest(secret), expected)
    if row is None or not same or mark != _MARK:
        return None
    token = _token(row)
    return token if token.state(now) == "active" else None


def touch_due(token: Token, now: datetime) -> bool:
    """Whether its use is worth a note, once a minute at most: a thousand pages read are no thousand rows written."""
    return token.last_used_at is None or now - token.last_used_at >= _TOUCH_EVERY


def touch(connection: Connection, token: Token, now: datetime) -> None:
    """Notes that it was used."""
    used = update(api_tokens).where(api_tokens.c.token_id == token.token_id)
    connection.execute(used.values(last_used_at=now))


def revoke(connection: Connection, prefix: str, now: datetime) -> Token:
    """Ends a token and every login made with it. Raises TokenError where there is no active one with this prefix."""
    ended = update(api_tokens).where(api_tokens.c.prefix == prefix, api_tokens.c.revoked_at.is_(None))
    row = connection.execute(ended.values(revoked_at=now).returning(*api_tokens.c)).first()
    if row is None:
        raise TokenError("prefix", prefix, "`yuqing tokens list` shows those that can be revoked")
    note("token_revoked", actor=row.name, token=prefix)
    return _token(row)


def stored(connection: Connection) -> list[Token]:
    """All of them, oldest first."""
    return [_token(row) for row in connection.execute(select(api_tokens).order_by(api_tokens.c.token_id))]


def by_id(connection: Connection, token_id: int) -> Token | None:
    """The token of a session, whatever its state."""
    row = connection.execute(select(api_tokens).where(api_tokens.c.token_id == token_id)).first()
    return _token(row) if row else None


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _token(row: Row[Any]) -> Token:
    return Token(
        token_id=row.token_id,
        prefix=row.prefix,
        name=row.name,
        role=cast(Role, row.role),
        scopes=tuple(cast(Scope, each) for each in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
