"""Silences: whom nobody is to be told of for a while, by whom and why. Rows only; nothing is ever deleted.

A silence does not touch detection and hides nothing from lists: an alert that opens under it is pending, and is told
of when the silence ends, if it is still on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, Text, cast, func, insert, select, update

from alerts.answers.matchers import Labels, Matcher, as_json, from_json, matches, wide
from alerts.errors import SilenceError
from storage.tables import silences

__all__ = ["LONGEST", "Silence", "active", "add", "expire", "find", "quietened", "stored"]

LONGEST: Final = timedelta(days=366)
"""A silence that outlasts a year is a mistake, or should be a setting."""

_MOST: Final = 500


@dataclass(frozen=True)
class Silence:
    """One silence; times are aware UTC, `ends_at` is the first moment that is loud again."""

    silence_id: UUID
    matchers: tuple[Matcher, ...]
    reason: str
    created_by: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    expired_by: str = ""

    def state(self, now: datetime) -> Literal["waiting", "active", "expired"]:
        """Whether it is yet to begin, in force or over."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "waiting"


def add(
    connection: Connection,
    matchers: Sequence[Matcher],
    *,
    reason: str,
    actor: str,
    now: datetime,
    ends_at: datetime,
    starts_at: datetime | None = None,
) -> Silence:
    """Writes a silence. Raises SilenceError where it matches everything, has no reason, or ends before it begins."""
    begins = max(starts_at or now, now)
    if wide(matchers):
        raise SilenceError(
            "this silence could match every alert: name whom it is for, such as entity=ID or group=banks"
        )
    if not reason.strip():
        raise SilenceError("a silence needs a reason, for whoever wonders why it is so quiet")
    if ends_at <= begins:
        raise SilenceError(f"this silence would end at {ends_at:%Y-%m-%d %H:%M} UTC, before it begins")
    if ends_at - begins > LONGEST:
        raise SilenceError(f"this silence would last until {ends_at:%Y-%m-%d}: give at most {LONGEST.days} days")
    silence = Silence(uuid4(), tuple(matchers), reason.strip(), actor, now, begins, ends_at)
    row = {name: getattr(silence, name) for name in silence.__dataclass_fields__} | {"matchers": as_json(matchers)}
    connection.execute(insert(silences).values(row))
    return silence


def expire(connection: Connection, silence_id: UUID, *, actor: str, now: datetime) -> Silence:
    """Ends a silence now, or takes back one that has not begun. Raises SilenceError where there is none to end."""
    values = {
        "ends_at": now,
        "starts_at": func.least(silences.c.starts_at, now),
        "expired_by": actor,
    }
    statement = update(silences).where(silences.c.silence_id == silence_id, silences.c.ends_at > now)
    row = connection.execute(statement.values(values).returning(*silences.c)).first()
    if row is None:
        raise SilenceError(f"no silence {silence_id} is waiting or active: see `yuqing silences list`")
    return _silence(row)


def find(connection: Connection, beginning: str) -> UUID:
    """The id of the one silence whose id begins so. Raises SilenceError."""
    text = cast(silences.c.silence_id, Text).startswith(beginning.strip().lower(), autoescape=True)
    found = list(connection.execute(select(silences.c.silence_id).where(text).limit(2)).scalars())
    if len(found) != 1:
        what = "no silence has" if not found else "more than one silence has"
        raise SilenceError(f"{what} an id that begins with {beginning!r}: see `yuqing silences list`")
    only: UUID = found[0]
    return only


def active(connection: Connection, now: datetime) -> list[Silence]:
    """Those in force, oldest first."""
    within = (silences.c.starts_at <= now) & (silences.c.ends_at > now)
    query = select(silences).where(within).order_by(silences.c.created_at, silences.c.silence_id)
    return [_silence(row) for row in connection.execute(query)]


def stored(connection: Connection, *, now: datetime, expired: bool = False) -> list[Silence]:
    """Those that wait or are in force, and with `expired` those that are over too; newest first, 500 at most."""
    query = select(silences).order_by(silences.c.created_at.desc(), silences.c.silence_id).limit(_MOST)
    rows = connection.execute(query if expired else query.where(silences.c.ends_at > now))
    return [_silence(row) for row in rows]


def quietened(silences: Sequence[Silence], labels: Labels) -> Silence | None:
    """The first of `silences` that matches an alert with these labels."""
    return next((silence for silence in silences if matches(silence.matchers, labels)), None)


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        silence_id=row.silence_id,
        matchers=from_json(row.matchers),
        reason=row.reason,
        created_by=row.created_by,
        created_at=row.created_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        expired_by=row.expired_by,
    )
