"""When a market trades, from the calendars of `exchange_calendars`: holidays, half days and clock changes included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from storage.errors import CalendarError

__all__ = ["MarketSession", "refuse_unknown", "sessions"]

_LONGEST_PAUSE = timedelta(days=31)
"""A market that is closed for longer than this before the first session is taken to begin with that session."""


@dataclass(frozen=True, order=True)
class MarketSession:
    """A day of trading. News in [counts_from, closes_at) can move it and could move none before; aware UTC."""

    session: date
    counts_from: datetime
    opens_at: datetime
    closes_at: datetime
    shortened: bool


def refuse_unknown(calendars: Iterable[str]) -> None:
    """Raises CalendarError, which names all of them, where there are calendars that the library does not know."""
    from exchange_calendars import get_calendar_names  # type: ignore[import-untyped]

    known = get_calendar_names()
    wrong = []
    for name in calendars:
        if name not in known:
            near = get_close_matches(name.upper(), known, n=1)
            wrong.append(f"{name!r}" + (f" (did you mean {near[0]}?)" if near else ""))
    if wrong:
        raise CalendarError(
            f"there is no market calendar {', '.join(wrong)}: give codes (ISO 10383) such as XNYS or XSHG in "
            "markets.calendars"
        )


def sessions(calendar: str, since: date, until: date) -> list[MarketSession]:
    """The sessions of a calendar that close on or after `since` (UTC) and lie up to `until`, ascending, without gaps.

    They end earlier where the calendar does: some markets tell their holidays a year ahead. A session counts from the
    close before it. Raises CalendarError where there is no such calendar.
    """
    from exchange_calendars import get_calendar

    refuse_unknown([calendar])
    earliest, latest = (bound and bound.date() for bound in _bounds(calendar))
    start, end = since - _LONGEST_PAUSE, until
    found = get_calendar(
        calendar,
        start=max(start, earliest or start).isoformat(),
        end=min(end, latest or end).isoformat(),
    )
    changed = {day.date() for day in found.early_closes.union(found.late_opens)}
    days = [
        (day.date(), opens.to_pydatetime().astimezone(UTC), closes.to_pydatetime().astimezone(UTC))
        for day, opens, closes in zip(found.sessions, found.opens, found.closes, strict=True)
    ]
    oldest = datetime.combine(since, time.min, UTC)
    ours = [
        MarketSession(day, min(before, opens), opens, closes, shortened=day in changed)
        for (_, _, before), (day, opens, closes) in pairwise([_never(days), *days])
    ]
    return [one for one in ours if one.closes_at > oldest]


def _bounds(calendar: str) -> tuple[Any, Any]:
    """The first and the last day that the library can tell of, or None where it can tell of any."""
    from exchange_calendars import get_calendar

    any_years = get_calendar(calendar)
    return any_years.bound_min(), any_years.bound_max()


def _never(days: list[tuple[date, datetime, datetime]]) -> tuple[date, datetime, datetime]:
    """In place of what was before the first day: it counts from its own opening."""
    day, opens, _ = days[0]
    return day, opens, opens
