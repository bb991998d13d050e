"""Announcing: from steps that were taken to deliveries in the outbox, in the caller's transaction.

1  hush: a silence keeps openings, escalations and reminders quiet; an end is told to whoever heard the beginning
2  route: which endpoint wants the event, and when its subscriptions let it hear of it
3  group: what shares a story is one delivery with all names, what waits for the same morning too
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol, cast

from sqlalchemy import Connection, update

from alerts import metrics
from alerts.answers import silences
from alerts.answers.grouping import News, together
from alerts.answers.silences import Silence
from alerts.answers.standing import read
from alerts.answers.transition_rows import Taken
from alerts.delivery import outbox, subscriptions
from alerts.delivery.payload import AlertEvent, about, member
from storage.tables import alerts

__all__ = ["Destination", "announce"]

_TELLS_SEVERITY: Final = ("alert.opened", "alert.escalated", "alert.reopened", "alert.reminded")
"""After these the outside knows how grave it is. They are what a silence keeps quiet."""


class Destination(Protocol):
    """Somewhere to tell things to: a webhook or a channel."""

    @property
    def name(self) -> str:
        """Its name in the settings, by which subscriptions and deliveries know it."""

    def wants(self, event_type: str) -> bool:
        """Whether it is told of such events."""


def announce(connection: Connection, taken: Sequence[Taken], endpoints: Sequence[Destination], now: datetime) -> int:
    """Writes what the outside hears of the steps; returns how many deliveries that is."""
    told = [each for each in taken if each.step.event]
    if not told:
        return 0
    standings = read(connection, [each.alert_id for each in told])
    quiet = silences.active(connection, now)
    news = [News(each, standings[each.alert_id]) for each in told]
    news = [each for each in news if not _hushed(each, quiet)]
    _note_severity(connection, news, now)
    routes = subscriptions.load(connection, now)
    return sum(_tell(connection, endpoint, news, routes, now) for endpoint in endpoints)


def _hushed(news: News, quiet: Sequence[Silence]) -> bool:
    return news.event in _TELLS_SEVERITY and silences.quietened(quiet, news.standing.labels) is not None


def _note_severity(connection: Connection, news: Sequence[News], now: datetime) -> None:
    for each in news:
        metrics.alert_events.labels(each.event, each.standing.episode.severity).inc()
    told = sorted({each.taken.alert_id for each in news if each.event in _TELLS_SEVERITY})
    if told:
        statement = update(alerts).where(alerts.c.alert_id.in_(told))
        connection.execute(statement.values(told_at=now, told_severity=alerts.c.severity))


def _tell(
    connection: Connection,
    endpoint: Destination,
    news: Sequence[News],
    routes: subscriptions.Subscriptions,
    now: datetime,
) -> int:
    """The deliveries to one endpoint."""
    at_times: dict[datetime, list[News]] = defaultdict(list)
    for each in news:
        alert = each.standing
        if endpoint.wants(each.event):
            due = routes.due(endpoint.name, alert.labels, alert.episode.severity, alert.reminders, now)
            if due is not None:
                at_times[due].append(each)
    written: list[outbox.Delivery] = []
    for due, part in sorted(at_times.items()):
        for group in together(part, all_of_it=due > now):
            written += _delivery(connection, endpoint, group, due, now)
    return outbox.put_all(connection, written, now)


def _delivery(
    connection: Connection, endpoint: Destination, group: Sequence[News], due: datetime, now: datetime
) -> list[outbox.Delivery]:
    """The delivery of a group; none where it joins one that waits for the same morning."""
    first = group[0]
    event = cast(AlertEvent, first.event)
    ids = [each.taken.alert_id for each in group]
    if due > now and outbox.extend(
        connection,
        endpoint=endpoint.name,
        event_type=event,
        due=due,
        also=[member(each) for each in group],
        alert_ids=ids,
    ):
        return []
    delivery = outbox.Delivery(
        endpoint=endpoint.name,
        event_type=event,
        about=f"{first.taken.alert_id}/{first.taken.entry_id}",
        payload=about(event, group, now),
        alert_ids=ids,
        not_before=due,
    )
    return [delivery]
