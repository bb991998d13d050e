"""Who hears of what, where and when. An endpoint that nobody subscribed hears of everything, at once.

One that is named in subscriptions hears of what at least one of them lets through, as early as the earliest says.
Tier 0 hears at once; tier n only when an alert has gone unanswered through n reminders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, delete, func, insert, select

from alerts.answers.matchers import Labels, Matcher, as_json, from_json, matches, refused
from alerts.delivery.quiet_hours import EVERY_DAY, OpenDays, QuietHours
from alerts.detection.thresholds import Severity, rank
from alerts.errors import AnswerError
from storage.tables import market_sessions, subscriptions

__all__ = ["Subscription", "Subscriptions", "add", "find", "load", "remove", "stored"]

_DAYS_AHEAD = timedelta(days=60)


@dataclass(frozen=True)
class Subscription:
    """What one analyst wants to hear at one endpoint.

    `calendar` (a code of storage.market_calendars, or empty) makes days quiet on which that market is closed. What is
    at least as grave as `breakthrough` (empty: nothing) is told at once, by night too.
    """

    analyst: str
    endpoint: str
    created_by: str
    created_at: datetime
    matchers: tuple[Matcher, ...] = ()
    min_severity: Severity = "watch"
    tier: int = 0
    quiet: QuietHours = field(default_factory=QuietHours)
    calendar: str = ""
    breakthrough: Severity | None = "critical"
    subscription_id: UUID = field(default_factory=uuid4)

    def admits(self, labels: Labels, severity: Severity, reminders: int) -> bool:
        """Whether it lets such an alert through, sooner or later."""
        return rank(severity) >= rank(self.min_severity) and reminders >= self.tier and matches(self.matchers, labels)

    def due(self, severity: Severity, now: datetime, days: OpenDays) -> datetime:
        """When to tell: `now`, or when the quiet is over."""
        if self.breakthrough is not None and rank(severity) >= rank(self.breakthrough):
            return now
        return self.quiet.until(now, days)


@dataclass(frozen=True)
class Subscriptions:
    """All of them, with the days that their calendars know."""

    by_endpoint: Mapping[str, Sequence[Subscription]]
    days: Mapping[str, OpenDays]

    def due(self, endpoint: str, labels: Labels, severity: Severity, reminders: int, now: datetime) -> datetime | None:
        """When an endpoint hears of such an alert; None: never."""
        mine = self.by_endpoint.get(endpoint)
        if not mine:
            return now
        times = [
            each.due(severity, now, self.days.get(each.calendar, EVERY_DAY))
            for each in mine
            if each.admits(labels, severity, reminders)
        ]
        return min(times, default=None)


def load(connection: Connection, now: datetime) -> Subscriptions:
    """Those in force. One that is refused counts as if it were not there: nobody is left untold because of it."""
    found: dict[str, list[Subscription]] = defaultdict(list)
    for each in stored(connection):
        if not refused(each.matchers):
            found[each.endpoint].append(each)
    calendars = {each.calendar for mine in found.values() for each in mine if each.calendar}
    return Subscriptions(found, {each: _open_days(connection, each, now) for each in sorted(calendars)})


def stored(connection: Connection, analyst: str = "") -> list[Subscription]:
    """All, or those of one analyst, oldest first."""
    query = select(subscriptions).order_by(subscriptions.c.created_at, subscriptions.c.subscription_id)
    rows = connection.execute(query.where(subscriptions.c.analyst == analyst) if analyst else query)
    return [_subscription(row) for row in rows]


def add(connection: Connection, subscription: Subscription) -> Subscription:
    """Writes one. Raises AnswerError where its calendar is not kept, or it lacks a name."""
    if not subscription.analyst.strip() or not subscription.endpoint.strip():
        raise AnswerError("a subscription needs an analyst and an endpoint: give the name of each")
    if subscription.calendar and _open_days(connection, subscription.calendar, subscription.created_at).until is None:
        raise AnswerError(f"no sessions of calendar {subscription.calendar!r} are stored: add it to markets.calendars")
    quiet = subscription.quiet
    hours = None if quiet.start == quiet.end else quiet
    connection.execute(
        insert(subscriptions).values(
            subscription_id=subscription.subscription_id,
            analyst=subscription.analyst,
            endpoint=subscription.endpoint,
            matchers=as_json(subscription.matchers),
            min_severity=subscription.min_severity,
            tier=subscription.tier,
            quiet_from=hours.start if hours else None,
            quiet_until=hours.end if hours else None,
            zone=quiet.zone,
            calendar=subscription.calendar,
            breakthrough=subscription.breakthrough or "",
            created_at=subscription.created_at,
            created_by=subscription.created_by,
        )
    )
    return subscription


def find(connection: Connection, beginning: str) -> Subscription:
    """The one whose id begins so. Raises AnswerError."""
    wanted = beginning.strip().lower()
    found = [each for each in stored(connection) if wanted and str(each.subscription_id).startswith(wanted)]
    if len(found) != 1:
        what = "no subscription has" if not found else "more than one subscription has"
        raise AnswerError(f"{what} an id that begins with {beginning!r}: see `yuqing subscriptions list`")
    return found[0]


def remove(connection: Connection, subscription_id: UUID) -> None:
    """Takes one away. The last one of an endpoint gone, it hears of everything again."""
    connection.execute(delete(subscriptions).where(subscriptions.c.subscription_id == subscription_id))


def _open_days(connection: Connection, calendar: str, now: datetime) -> OpenDays:
    ours = market_sessions.c.calendar == calendar
    last = connection.execute(select(func.max(market_sessions.c.session)).where(ours)).scalar_one()
    near = market_sessions.c.session.between((now - timedelta(days=2)).date(), (now + _DAYS_AHEAD).date())
    return OpenDays(frozenset(connection.execute(select(market_sessions.c.session).where(ours, near)).scalars()), last)


def _subscription(row: Row[Any]) -> Subscription:
    quiet = QuietHours(row.quiet_from or time(0), row.quiet_until or time(0), row.zone)
    return replace(
        Subscription(row.analyst, row.endpoint, row.created_by, row.created_at),
        matchers=from_json(row.matchers),
        min_severity=row.min_severity,
        tier=row.tier,
        quiet=quiet,
        calendar=row.calendar,
        breakthrough=cast(Severity, row.breakthrough) or None,
        subscription_id=row.subscription_id,
    )
