"""From the outbox to the endpoint: each webhook at least once, under one id, whatever fails on the way.

The endpoints are real servers. One that fails is tried again, one that hangs holds up only itself, one that is gone
is left alone. A deliverer that dies between any two steps leaves a lease that runs out, and the next one goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from alert_stage import DESK, SECRET, wall_clock
from eventually import eventually
from sqlalchemy import Engine, select, text, update

from alerts.delivery import outbox
from alerts.delivery.deliveries import Deliverer
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.receiver import Answer, WebhookReceiver
from alerts.delivery.retries import Schedule
from storage.tables import deliveries

AT_ONCE = Schedule(first=timedelta(milliseconds=20), factor=1.5)


class Note(msgspec.Struct):
    """A payload."""

    type: str
    number: int


def endpoint(name: str, receiver: WebhookReceiver, *, allow_private: bool = True) -> Endpoint:
    return Endpoint(name, receiver.url, SECRET, allow_private=allow_private)


def put(database: Engine, *endpoints: Endpoint, number: int = 1, at: datetime | None = None) -> int:
    with database.begin() as connection:
        return outbox.put(
            connection,
            endpoints=[each.name for each in endpoints],
            event_type="alert.opened",
            about=f"alert {number}",
            payload=Note(type="alert.opened", number=number),
            now=at or wall_clock(),
        )


def rows(database: Engine) -> list[Mapping[str, Any]]:
    with database.connect() as connection:
        return [row._mapping for row in connection.execute(select(deliveries).order_by(deliveries.c.webhook_id))]


def states(database: Engine) -> dict[str, str]:
    return {row["endpoint"]: row["state"] for row in rows(database)}


@contextmanager
def delivering(database: Engine, *endpoints: Endpoint, **settings: Any) -> Iterator[None]:
    stop = threading.Event()
    chosen = {"schedule": AT_ONCE, "poll_s": 0.05} | settings
    deliverer = Deliverer(database, endpoints, wall_clock, **chosen)
    thread = threading.Thread(target=deliverer.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive(), "the deliverer does not stop"


def test_what_is_put_is_delivered_signed_and_recorded(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = endpoint("desk", receiver)
        put(database, desk)
        with delivering(database, desk):
            (received,) = receiver.wait_for(1)
            eventually(lambda: states(database) == {"desk": "delivered"}, what="delivered")
    (row,) = rows(database)
    assert received.webhook_id == row["webhook_id"]
    assert received.payload == {"type": "alert.opened", "number": 1}
    assert (row["attempts"], row["last_error"]) == (1, "")
    assert row["delivered_at"] >= row["created_at"]


def test_the_deliverer_hears_of_a_commit(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = endpoint("desk", receiver)
        with delivering(database, desk, poll_s=60):
            eventually(lambda: _listens(database), what="the deliverer listens")
            put(database, desk)
            receiver.wait_for(1, timeout=10)


def test_the_same_event_put_twice_is_one_delivery(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = endpoint("desk", receiver)
        assert [put(database, desk), put(database, desk), put(database, desk, number=2)] == [1, 0, 1]
        assert put(database) == 0


def test_a_failing_endpoint_is_tried_again_under_the_same_id(database: Engine) -> None:
    with WebhookReceiver(SECRET, script=(500, 503, 429)) as receiver:
        desk = endpoint("desk", receiver)
        put(database, desk)
        with delivering(database, desk):
            receiver.wait_for(1)
            eventually(lambda: states(database) == {"desk": "delivered"}, what="delivered")
        assert [each.status for each in receiver.requests] == [500, 503, 429, 204]
        assert len({each.webhook_id for each in receiver.requests}) == 1
    assert rows(database)[0]["attempts"] == 4


def test_retry_after_is_respected(database: Engine) -> None:
    with WebhookReceiver(SECRET, script=(Answer(503, (("retry-after", "3600"),)),)) as receiver:
        desk = endpoint("desk", receiver)
        put(database, desk)
        with delivering(database, desk):
            eventually(lambda: rows(database)[0]["last_error"] == "answered 503", what="recorded")
    row = rows(database)[0]
    assert row["state"] == "pending"
    assert row["next_attempt_at"] - row["created_at"] >= timedelta(hours=1)


def test_an_endpoint_that_is_gone_gets_nothing_more(database: Engine) -> None:
    with WebhookReceiver(SECRET, script=(410,)) as receiver:
        desk = endpoint("desk", receiver)
        for number in range(5):
            put(database, desk, number=number)
        with delivering(database, desk, per_endpoint=1):
            eventually(lambda: {row["state"] for row in rows(database)} == {"dead"}, what="all dead")
            put(database, desk, number=9)
            eventually(lambda: {row["state"] for row in rows(database)} == {"dead"}, what="all dead")
        assert len(receiver.requests) == 1
    assert all("410" in row["last_error"] for row in rows(database))


def test_a_request_that_is_not_wanted_is_dead_at_once_and_kept(database: Engine) -> None:
    with WebhookReceiver(SECRET, script=(422,)) as receiver:
        desk = endpoint("desk", receiver)
        put(database, desk)
        with delivering(database, desk):
            eventually(lambda: states(database) == {"desk": "dead"}, what="dead")
    row = rows(database)[0]
    assert (row["attempts"], row["last_error"], row["payload"]["number"]) == (1, "answered 422", 1)


def test_after_a_day_a_delivery_is_dead(database: Engine) -> None:
    with WebhookReceiver(SECRET, script=(500,)) as receiver:
        desk = endpoint("desk", receiver)
        put(database, desk, at=wall_clock() - timedelta(hours=24))
        with database.begin() as connection:
            connection.execute(text("UPDATE deliveries SET attempts = 4"))
        with delivering(database, desk):
            eventually(lambda: states(database) == {"desk": "dead"}, what="dead")


def test_an_endpoint_that_hangs_holds_up_nobody_else(database: Engine) -> None:
    hangs = tuple(Answer(hang=True) for _ in range(50))
    with WebhookReceiver(SECRET, script=hangs) as stuck, WebhookReceiver(SECRET) as well:
        slow, quick = endpoint("a-slow", stuck), endpoint("quick", well)
        for number in range(30):
            put(database, slow, quick, number=number)
        with delivering(database, slow, quick, timeout=timedelta(seconds=2), per_endpoint=2, at_once=4):
            assert len(well.wait_for(30, timeout=20)) == 30
            eventually(lambda: len(stuck.requests) >= 2, what="the slow one is tried")
            assert stuck.received == []


def test_a_private_address_is_refused_and_says_how_to_allow_it(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = endpoint("desk", receiver, allow_private=False)
        put(database, desk)
        with delivering(database, desk):
            eventually(lambda: "allow_private = true" in rows(database)[0]["last_error"], what="refused")
        assert receiver.requests == []
    assert states(database) == {"desk": "pending"}


def test_two_deliverers_share_the_work_and_repeat_nothing(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = endpoint("desk", receiver)
        for number in range(40):
            put(database, desk, number=number)
        with delivering(database, desk), delivering(database, desk):
            receiver.wait_for(40)
            eventually(lambda: {row["state"] for row in rows(database)} == {"delivered"}, what="all delivered")
        assert len(receiver.requests) == 40


def test_deliveries_of_unknown_endpoints_wait(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        old, desk = endpoint("old", receiver), endpoint("desk", receiver)
        put(database, old, desk)
        with delivering(database, desk):
            receiver.wait_for(1)
            eventually(lambda: states(database) == {"desk": "delivered", "old": "pending"}, what="one delivered")
        with database.connect() as connection:
            assert outbox.pending(connection) == 1


NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
LEASE = timedelta(seconds=45)


def claim(database: Engine, now: datetime, slots: int = 10) -> list[outbox.Claimed]:
    with database.begin() as connection:
        return list(outbox.claim(connection, {"desk": slots}, now, LEASE))


@pytest.fixture
def waiting(database: Engine) -> Engine:
    """A database in which one delivery has waited since noon."""
    put(database, DESK, at=NOON)
    return database


def test_who_dies_after_the_claim_delays_a_delivery_until_the_lease_ends(waiting: Engine) -> None:
    (first,) = claim(waiting, NOON)
    assert claim(waiting, NOON + LEASE - timedelta(seconds=1)) == []
    (second,) = claim(waiting, NOON + LEASE)
    assert (first.webhook_id, first.body) == (second.webhook_id, second.body)
    assert (first.attempts, second.attempts) == (1, 2)


def test_who_lost_the_lease_does_not_send_and_does_not_postpone(waiting: Engine) -> None:
    (first,) = claim(waiting, NOON)
    (second,) = claim(waiting, NOON + LEASE)
    with waiting.begin() as connection:
        assert not outbox.is_mine(connection, first)
        assert outbox.is_mine(connection, second)
        outbox.postponed(connection, first, "late", NOON + timedelta(days=1))
        outbox.dead(connection, first, "late")
    assert (rows(waiting)[0]["state"], rows(waiting)[0]["last_error"]) == ("pending", "")


def test_who_sent_after_losing_the_lease_still_records_that_it_arrived(waiting: Engine) -> None:
    (first,) = claim(waiting, NOON)
    (second,) = claim(waiting, NOON + LEASE)
    with waiting.begin() as connection:
        outbox.delivered(connection, [first], NOON + LEASE)
        assert not outbox.is_mine(connection, second)
    assert rows(waiting)[0]["state"] == "delivered"


def test_a_claim_takes_no_more_than_there_are_slots_and_the_oldest_first(waiting: Engine) -> None:
    for number in range(2, 6):
        put(waiting, DESK, number=number, at=NOON + timedelta(minutes=number))
    later = NOON + timedelta(hours=1)
    assert [msgspec.json.decode(each.body)["number"] for each in claim(waiting, later, slots=2)] in ([1, 2], [2, 1])
    assert claim(waiting, later, slots=0) == []
    assert len(claim(waiting, later)) == 3


def test_what_is_not_due_is_not_claimed(waiting: Engine) -> None:
    assert claim(waiting, NOON - timedelta(seconds=1)) == []


def test_a_row_that_another_claim_holds_is_skipped(waiting: Engine) -> None:
    with waiting.begin() as other:
        other.execute(update(deliveries).values(last_error="held"))
        assert claim(waiting, NOON) == []
    assert len(claim(waiting, NOON)) == 1


def _listens(database: Engine) -> bool:
    query = text(
        "select count(*) from pg_stat_activity where query ilike 'listen %deliveries%' and datname = current_database()"
    )
    with database.connect() as connection:
        count: int = connection.execute(query).scalar_one()
    return count == 1
