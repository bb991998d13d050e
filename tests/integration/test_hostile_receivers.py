"""Receivers that fail, hang, redirect, lie, answer 410 or die in the middle: nothing lost, order kept, nobody blocked.

Sixty endpoints hear of three events. Those that work get them at once whatever the others do; those that recover get
them after that; those that never do keep theirs, waiting or dead, and can have them again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from alert_stage import SECRET, wall_clock
from eventually import eventually
from hostile_receiver import HostileReceiver
from sqlalchemy import Engine, select, text

from alerts.delivery import endpoint_states, outbox
from alerts.delivery.deliveries import Deliverer
from alerts.delivery.endpoint_states import Breaker
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.retries import Schedule
from storage.tables import deliveries

QUICK = Schedule(first=timedelta(milliseconds=20), factor=1.2)
KINDS = ("hang", "fail", "gone", "lies", "away", "drip", "endless", "dies", "reset")


class Note(msgspec.Struct):
    """A payload."""

    number: int


@contextmanager
def delivering(database: Engine, endpoints: Sequence[Endpoint], **settings: Any) -> Iterator[None]:
    stop = threading.Event()
    chosen = {"schedule": QUICK, "poll_s": 0.05, "timeout": timedelta(seconds=2)} | settings
    thread = threading.Thread(target=Deliverer(database, endpoints, wall_clock, **chosen).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive(), "the deliverer does not stop"


def endpoint(receiver: HostileReceiver, path: str, *, ordered: bool = False) -> Endpoint:
    name = path.strip("/").replace("/", "-")
    return Endpoint(name, receiver.url(path), SECRET, allow_private=True, ordered=ordered)


def put(database: Engine, endpoints: Sequence[Endpoint], *numbers: int) -> None:
    for number in numbers:
        with database.begin() as connection:
            outbox.put(
                connection,
                endpoints=[each.name for each in endpoints],
                event_type="alert.opened",
                about=str(number),
                payload=Note(number),
                now=wall_clock(),
            )


def states(database: Engine, name: str) -> list[str]:
    query = select(deliveries.c.state).where(deliveries.c.endpoint == name).order_by(deliveries.c.seq)
    with database.connect() as connection:
        return list(connection.execute(query).scalars())


def test_whatever_some_do_the_others_hear_at_once_and_nothing_is_lost(database: Engine) -> None:
    with HostileReceiver() as receiver:
        good = [endpoint(receiver, f"/ok/{number}") for number in range(42)]
        bad = [endpoint(receiver, f"/{kind}/{number}") for kind in KINDS for number in range(2)]
        breaker = Breaker(failures=3, first=timedelta(milliseconds=100), longest=timedelta(milliseconds=400))
        with delivering(database, [*bad, *good], breaker=breaker):
            put(database, [*bad, *good], 1, 2, 3)
            eventually(
                lambda: all(states(database, each.name) == ["delivered"] * 3 for each in good), what="the good have all"
            )
            for kind in ("dies", "reset", "lies"):
                eventually(lambda kind=kind: states(database, f"{kind}-0") == ["delivered"] * 3, what=f"{kind} has all")
            eventually(lambda: states(database, "gone-1") == ["dead"] * 3, what="gone is given up")
            arrived = receiver.by_path()
        for kind in ("hang", "fail", "away", "drip", "endless"):
            assert set(states(database, f"{kind}-0")) == {"pending"}, f"{kind} lost something"
        assert "/trap" not in arrived, "a redirect was followed"
        assert all(len({each.webhook_id for each in arrived[f"/ok/{number}"]}) == 3 for number in range(42))


@pytest.mark.parametrize("kind", ["ok", "dies", "reset"])
def test_an_endpoint_that_wants_its_order_kept_gets_it_whatever_fails(database: Engine, kind: str) -> None:
    numbers = list(range(12))
    with HostileReceiver() as receiver:
        desk = endpoint(receiver, f"/{kind}/0", ordered=True)
        put(database, [desk], *numbers[:6])
        with delivering(database, [desk]), delivering(database, [desk]):
            put(database, [desk], *numbers[6:])
            eventually(lambda: states(database, desk.name) == ["delivered"] * 12, what="all delivered")
        told = [each.body["number"] for each in receiver.arrivals]
    assert list(dict.fromkeys(told)) == numbers, "each first time in order"
    assert told == sorted(told), "and nothing again after what follows it"


def test_an_endpoint_that_keeps_failing_rests_and_its_deliveries_lose_no_attempts(database: Engine) -> None:
    with HostileReceiver() as receiver:
        desk = endpoint(receiver, "/fail/0")
        put(database, [desk], *range(10))
        rests = Breaker(failures=3, first=timedelta(hours=1), longest=timedelta(hours=1))
        with delivering(database, [desk], breaker=rests, per_endpoint=1):
            eventually(lambda: len(receiver.arrivals) == 3, what="three attempts")
            with database.connect() as connection:
                state = eventually(lambda: endpoint_states.stored(connection)["fail-0"].resting_until, what="it rests")
            assert state > wall_clock() + timedelta(minutes=30)
    assert len(receiver.arrivals) == 3
    with database.connect() as connection:
        assert connection.execute(text("select sum(attempts) from deliveries")).scalar_one() == 3


def test_after_its_rest_one_delivery_is_tried_and_success_opens_the_way(database: Engine) -> None:
    with HostileReceiver() as receiver:
        desk = endpoint(receiver, "/dies/0")
        put(database, [desk], *range(5))
        breaker = Breaker(failures=2, first=timedelta(milliseconds=50))
        with delivering(database, [desk], breaker=breaker, per_endpoint=1):
            eventually(lambda: states(database, desk.name) == ["delivered"] * 5, what="all delivered")
        with database.connect() as connection:
            state = endpoint_states.stored(connection)[desk.name]
    assert (state.failures, state.resting_until) == (0, None)


def test_410_disables_an_endpoint_for_every_process_until_it_is_enabled(database: Engine) -> None:
    with HostileReceiver() as receiver:
        desk = endpoint(receiver, "/gone/0")
        put(database, [desk], 1)
        with delivering(database, [desk]):
            eventually(lambda: states(database, desk.name) == ["dead"], what="given up")
        with delivering(database, [desk]):  # another process, another day
            put(database, [desk], 2)
            eventually(lambda: states(database, desk.name) == ["dead", "dead"], what="given up without asking")
        assert len(receiver.arrivals) == 1
        back = Endpoint(desk.name, receiver.url("/ok/0"), SECRET, allow_private=True)
        with database.begin() as connection:
            assert "410" in endpoint_states.stored(connection)[desk.name].why
            assert endpoint_states.enable(connection, desk.name, actor="li", now=wall_clock())
            assert not endpoint_states.enable(connection, desk.name, actor="li", now=wall_clock())
            assert outbox.replay(connection, desk.name, wall_clock()) == 2
        with delivering(database, [back]):
            eventually(lambda: states(database, desk.name) == ["delivered"] * 2, what="delivered after all")
        assert len({each.webhook_id for each in receiver.arrivals}) == 2


def test_what_is_replayed_has_another_day(database: Engine) -> None:
    long_ago = wall_clock() - timedelta(days=9)
    with HostileReceiver() as receiver:
        desk = endpoint(receiver, "/dies/0")
        with database.begin() as connection:
            outbox.put(
                connection, endpoints=[desk.name], event_type="alert.opened", about="1", payload=Note(1), now=long_ago
            )
        once = Schedule(first=timedelta(milliseconds=20), factor=1.2, least=1)
        with delivering(database, [desk], schedule=once):
            eventually(lambda: states(database, desk.name) == ["dead"], what="given up after a day")
            with database.begin() as connection:
                assert outbox.replay(connection, desk.name, wall_clock(), since=wall_clock()) == 0
                assert outbox.replay(connection, desk.name, wall_clock()) == 1
            eventually(lambda: states(database, desk.name) == ["delivered"], what="delivered")
