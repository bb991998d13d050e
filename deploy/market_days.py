"""Fills `market_sessions` for the configured markets, and says when a calendar is about to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import structlog
from sqlalchemy import Engine

from deploy.settings import Settings

__all__ = ["RENEW", "FilledCalendar", "fill_market_sessions"]

_log = structlog.get_logger()

RENEW = "pip install -U exchange_calendars"
"""What to run when a calendar ends: markets tell their holidays a year ahead, and the package after them."""

_WARN_AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class FilledCalendar:
    """A calendar in the table: its last session, and how many sessions came and went."""

    calendar: str
    until: date | None
    added: int
    removed: int


def fill_market_sessions(settings: Settings, engine: Engine, today: date) -> list[FilledCalendar]:
    """Brings the table to what the calendars say, from the oldest time that is believed to the end of next year.

    Raises CalendarError where the settings name a calendar that does not exist; nothing has changed then.
    """
    from storage import market_calendars, market_sessions

    market_calendars.refuse_unknown(settings.markets.calendars)
    filled = []
    for calendar in settings.markets.calendars:
        sessions = market_calendars.sessions(
            calendar, since=settings.intake.limits.oldest, until=date(today.year + 1, 12, 31)
        )
        done = market_sessions.sync(engine, calendar, sessions)
        until = sessions[-1].session if sessions else None
        filled.append(FilledCalendar(calendar, until, done.added, done.removed))
        if done.added or done.removed:
            _log.info("market_sessions_filled", calendar=calendar, added=done.added, removed=done.removed, until=until)
        if until is None or until - today < _WARN_AHEAD:
            # News after that is in no session, and visibly so, until a newer package knows more.
            _log.warning(
                "market_calendar_ends", calendar=calendar, until=until, fix="pip install -U exchange_calendars"
            )
    return filled
