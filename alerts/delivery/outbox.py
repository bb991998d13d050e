"""The outbox: deliveries as rows, written where the alert is, claimed one lease at a time, and closed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import Boolean, DateTime, Integer, Interval, Text

from alerts.bell import DELIVERIES
from storage.tables import deliveries, delivery_alerts

__all__ = [
    "Claimed",
    "Delivery",
    "claim",
    "dead",
    "dead_all",
    "delivered",
    "extend",
    "is_mine",
    "pending",
    "postponed",
    "put",
    "put_all",
    "replay",
    "replay_one",
]

_NAMESPACE = UUID("b2f6c0de-5f1c-5c0a-8a5e-8d3a1d0f9d42")
_MOST_ERROR = 500

_CLAIM = text(
    """
    with free as (
        select * from unnest(cast(:endpoints as text[]), cast(:slots as int[]), cast(:ordered as bool[]))
            as free (endpoint, slots, ordered)
    ),
    due as materialized (
        select found.webhook_id from free, lateral (
            select webhook_id from deliveries
            where not free.ordered and state = 'pending' and endpoint = free.endpoint and next_attempt_at <= :now
            order by next_attempt_at, seq limit free.slots
            for update skip locked
        ) as found
        union all
        select first.webhook_id from free, lateral (
            select webhook_id from deliveries
            where free.ordered and state = 'pending' and endpoint = free.endpoint and next_attempt_at <= :now
              and seq = (select min(seq) from deliveries where state = 'pending' and endpoint = free.endpoint)
            for update skip locked
        ) as first
    )
    update deliveries set attempts = attempts + 1, next_attempt_at = cast(:now as timestamptz) + :lease
    from due where deliveries.webhook_id = due.webhook_id
    returning deliveries.webhook_id, endpoint, event_type, payload::text as body, attempts, created_at,
        replayed_at, seq
    """
).bindparams(
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("lease", type_=Interval),
    bindparam("endpoints", type_=ARRAY(Text)),
    bindparam("slots", type_=ARRAY(Integer)),
    bindparam("ordered", type_=ARRAY(Boolean)),
)


@dataclass(frozen=True)
class Claimed:
    """A delivery that is this process's to try until its lease ends. `attempts` counts this one.

    `body` is the same at every attempt: jsonb keeps an order of its own. `since` is when trying began: when it was
    written, or replayed. `claimed_at` is when the lease began.
    """

    webhook_id: str
    endpoint: str
    event_type: str
    body: str
    attempts: int
    created_at: datetime
    since: datetime
    claimed_at: datetime


@dataclass(frozen=True)
class Delivery:
    """What is to be told to one endpoint.

    `about` says what the event is once in the world (an alert's opening, a day's digest): the webhook id follows
    from it, so the same event written twice is one delivery. `alert_ids` are those it tells of, the first one first;
    it is not sent before `not_before`.
    """

    endpoint: str
    event_type: str
    about: str
    payload: msgspec.Struct
    alert_ids: Sequence[UUID] = ()
    not_before: datetime | None = None

    @property
    def webhook_id(self) -> str:
        return "msg_" + uuid5(_NAMESPACE, "\0".join((self.event_type, self.about, self.endpoint))).hex


def put(
    connection: Connection,
    *,
    endpoints: Iterable[str],
    event_type: str,
    about: str,
    payload: msgspec.Struct,
    now: datetime,
) -> int:
    """Writes one delivery for each endpoint name; returns how many are new."""
    return put_all(connection, [Delivery(endpoint, event_type, about, payload) for endpoint in endpoints], now)


def put_all(connection: Connection, written: Sequence[Delivery], now: datetime) -> int:
    """Writes deliveries in their order, and rings the bell; returns how many are new."""
    rows = [
        {
            "webhook_id": each.webhook_id,
            "alert_id": each.alert_ids[0] if each.alert_ids else None,
            "endpoint": each.endpoint,
            "event_type": each.event_type,
            "payload": msgspec.to_builtins(each.payload),
            "created_at": now,
            "next_attempt_at": max(now, each.not_before or now),
        }
        for each in written
    ]
    if not rows:
        return 0
    statement = insert(deliveries).on_conflict_do_nothing().returning(deliveries.c.webhook_id)
    new = set(connection.execute(statement, rows).scalars())
    links = [
        {"webhook_id": each.webhook_id, "alert_id": alert_id}
        for each in written
        if each.webhook_id in new
        for alert_id in each.alert_ids
    ]
    if links:
        connection.execute(insert(delivery_alerts), links)
    if new:
        connection.execute(select(func.pg_notify(DELIVERIES, "")))
    return len(new)


def extend(
    connection: Connection,
    *,
    endpoint: str,
    event_type: str,
    due: datetime,
    also: Sequence[msgspec.Struct],
    alert_ids: Sequence[UUID],
) -> bool:
    """Adds alerts to a delivery of this event that waits, untried, for the same moment; False where there is none.

    What a night brings is one notification in the morning.
    """
    waiting = (
        select(deliveries.c.webhook_id, deliveries.c.payload)
        .where(
            deliveries.c.endpoint == endpoint,
            deliveries.c.event_type == event_type,
            deliveries.c.state == "pending",
            deliveries.c.attempts == 0,
            deliveries.c.next_attempt_at == due,
        )
        .order_by(deliveries.c.seq)
        .limit(1)
        .with_for_update()
    )
    row = connection.execute(waiting).first()
    if row is None:
        return False
    data = row.payload["data"]
    grown = row.payload | {"data": data | {"also": [*data["also"], *msgspec.to_builtins(list(also))]}}
    connection.execute(update(deliveries).where(deliveries.c.webhook_id == row.webhook_id).values(payload=grown))
    links = [{"webhook_id": row.webhook_id, "alert_id": each} for each in alert_ids]
    connection.execute(insert(delivery_alerts).on_conflict_do_nothing(), links)
    return True


def claim(
    connection: Connection,
    slots: Mapping[str, int],
    now: datetime,
    lease: timedelta,
    *,
    ordered: Container[str] = (),
) -> Sequence[Claimed]:
    """Takes what is due, for each endpoint at most as many as it has free slots, in the order of writing.

    Of an endpoint in `ordered` only the first that is neither delivered nor given up is taken: while it is under way
    or waits for its next attempt, so do those behind it.

    The lease is a date in the future, not a lock: whoever dies with it has delayed the delivery, not lost it.
    """
    names = sorted(name for name, free in slots.items() if free > 0)
    if not names:
        return ()
    values = {
        "now": now,
        "lease": lease,
        "endpoints": names,
        "slots": [slots[name] for name in names],
        "ordered": [name in ordered for name in names],
    }
    rows = sorted(connection.execute(_CLAIM, values), key=lambda row: row.seq)
    return [
        Claimed(
            webhook_id=row.webhook_id,
            endpoint=row.endpoint,
            event_type=row.event_type,
            body=row.body,
            attempts=row.attempts,
            created_at=row.created_at,
            since=row.replayed_at or row.created_at,
            claimed_at=now,
        )
        for row in rows
    ]


def is_mine(connection: Connection, claimed: Claimed) -> bool:
    """Whether the delivery is still open and nobody else has taken it since."""
    mine = select(deliveries.c.webhook_id).where(*_mine(claimed))
    return connection.execute(mine).first() is not None


def delivered(connection: Connection, taken: Sequence[Claimed], now: datetime) -> None:
    """Closes deliveries that were taken, whoever holds them by now: their endpoints have them."""
    ids = sorted(claimed.webhook_id for claimed in taken)
    connection.execute(
        update(deliveries)
        .where(deliveries.c.webhook_id.in_(ids))
        .values(state="delivered", delivered_at=now, last_error="")
    )


def postponed(connection: Connection, claimed: Claimed, error: str, until: datetime) -> None:
    """Leaves a failed delivery for a later attempt."""
    values = {"next_attempt_at": until, "last_error": error[:_MOST_ERROR]}
    connection.execute(update(deliveries).where(*_mine(claimed)).values(**values))


def dead(connection: Connection, claimed: Claimed, error: str) -> None:
    """Gives a delivery up; its row stays, with the reason."""
    values = {"state": "dead", "last_error": error[:_MOST_ERROR]}
    connection.execute(update(deliveries).where(*_mine(claimed)).values(**values))


def dead_all(connection: Connection, endpoint: str, error: str) -> int:
    """Gives up whatever waits for an endpoint that is gone for good; returns how many."""
    values = {"state": "dead", "last_error": error[:_MOST_ERROR]}
    waits = (deliveries.c.endpoint == endpoint, deliveries.c.state == "pending")
    return connection.execute(update(deliveries).where(*waits).values(**values)).rowcount


def pending(connection: Connection) -> int:
    """How many deliveries are neither taken nor given up."""
    query = select(func.count()).select_from(deliveries).where(deliveries.c.state == "pending")
    return connection.execute(query).scalar_one()


def replay(connection: Connection, endpoint: str, now: datetime, *, since: datetime | None = None) -> int:
    """Gives the dead deliveries of an endpoint (those written since, if given) another day; returns how many.

    They keep their webhook ids and their order: who has had one knows it again.
    """
    wanted = [deliveries.c.endpoint == endpoint, deliveries.c.state == "dead"]
    if since is not None:
        wanted.append(deliveries.c.created_at >= since)
    return _again(connection, wanted, now)


def replay_one(connection: Connection, webhook_id: str, now: datetime) -> int:
    """The same for one delivery; 0 where it is not dead."""
    return _again(connection, [deliveries.c.webhook_id == webhook_id, deliveries.c.state == "dead"], now)


def _again(connection: Connection, wanted: Sequence[ColumnElement[bool]], now: datetime) -> int:
    values = {"state": "pending", "attempts": 0, "next_attempt_at": now, "replayed_at": now}
    count = connection.execute(update(deliveries).where(*wanted).values(**values)).rowcount
    if count:
        connection.execute(select(func.pg_notify(DELIVERIES, "")))
    return count


def _mine(claimed: Claimed) -> tuple[Any, ...]:
    return (
        deliveries.c.webhook_id == claimed.webhook_id,
        deliveries.c.attempts == claimed.attempts,
        deliveries.c.state == "pending",
    )
