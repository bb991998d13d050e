"""Keeps the table `market_sessions` equal to what the calendars say, so that SQL can count by session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select

from storage.market_calendars import MarketSession
from storage.tables import market_sessions

__all__ = ["Synced", "known_until", "sync"]


class Synced(NamedTuple):
    """How many sessions came into the table and how many left it; one whose hours changed did both."""

    added: int
    removed: int


def sync(engine: Engine, calendar: str, sessions: Sequence[MarketSession]) -> Synced:
    """Makes the table hold exactly these sessions of this calendar, in one transaction; others stay as they are.

    Roll-ups follow at once, those of the past too: a market may be closed for a day at short notice, or have been.
    """
    wanted = {(calendar, *astuple(session)) for session in sessions}
    columns = [column.name for column in market_sessions.columns]
    ours = market_sessions.c.calendar == calendar
    with engine.begin() as connection:
        # Processes that start together bring the same sessions: one after the other.
        connection.exec_driver_sql("LOCK TABLE market_sessions IN SHARE ROW EXCLUSIVE MODE")
        stored = {tuple(row) for row in connection.execute(select(market_sessions).where(ours))}
        gone, new = stored - wanted, wanted - stored
        if gone:
            connection.execute(delete(market_sessions).where(ours, market_sessions.c.session.in_(r[1] for r in gone)))
        if new:
            connection.execute(insert(market_sessions), [dict(zip(columns, row, strict=True)) for row in sorted(new)])
    return Synced(len(new), len(gone))


def known_until(connection: Connection) -> dict[str, date]:
    """The last session that the table holds of each calendar."""
    last = func.max(market_sessions.c.session)
    query = select(market_sessions.c.calendar, last).group_by(market_sessions.c.calendar)
    return {row[0]: row[1] for row in connection.execute(query.order_by(market_sessions.c.calendar))}
