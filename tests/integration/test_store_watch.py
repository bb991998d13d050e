"""What the database and the cache say of themselves reaches Prometheus, and nothing stays there that is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
import redis
from book_records import NOON, SCORED, a_document, a_letter
from books import an_ingest
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from alerts.delivery import endpoint_states, outbox
from alerts.delivery.endpoint_states import Breaker
from deploy.store_watch import StoreWatch
from storage.ingest import ReadTo
from storage.watermarks import advance


class Note(msgspec.Struct, frozen=True):
    """What is told."""

    about: str


class Watched:
    """A look at the stores whenever it is asked for, by a clock that stands where it is put."""

    def __init__(self, engine: Engine, cache: redis.Redis) -> None:
        self.engine = engine
        self.now = NOON
        self._watch = StoreWatch(engine, cache, lambda: self.now)

    def says(self, name: str, **labels: str) -> float | None:
        self._watch.look()
        return REGISTRY.get_sample_value(f"yuqing_{name}", labels)

    def deliver(self, about: str) -> outbox.Claimed:
        """Writes a delivery to the desk and claims it."""
        payload = Note(about=about)
        with self.engine.begin() as connection:
            outbox.put(connection, endpoints=["desk"], event_type="test", about=about, payload=payload, now=self.now)
            (claimed,) = outbox.claim(connection, {"desk": 1}, self.now, timedelta(minutes=1))
        return claimed


@pytest.fixture
def watched(database: Engine, redis_url: str) -> Iterator[Watched]:
    with redis.Redis.from_url(redis_url) as cache:
        yield Watched(database, cache)


def test_how_far_time_is_final_and_what_waits(watched: Watched) -> None:
    an_ingest(watched.engine).scored([a_document(1, 1), a_document(2, 2, minute=10)], [ReadTo(SCORED, 0, 3)])
    with watched.engine.begin() as connection:
        low = advance(connection, now=NOON, idle_after=timedelta(minutes=5), allowed_lateness=timedelta(minutes=1))
    assert low is not None
    assert watched.says("final_until_seconds") == low.timestamp()
    assert watched.says("search_queue_documents") == 2
    assert (watched.says("changed_buckets") or 0) >= 2
    assert (watched.says("database_bytes") or 0) > 1_000_000
    assert (watched.says("cache_bytes") or 0) > 100_000


def test_dead_letters_by_reason_until_they_are_dealt_with(watched: Watched) -> None:
    an_ingest(watched.engine).dead([a_letter(1), a_letter(2), a_letter(3, reason="no_text")], [])
    assert watched.says("dead_letters", reason="not_json") == 2
    with watched.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dead_letters SET state = 'dropped' WHERE reason = 'not_json'")
    assert watched.says("dead_letters", reason="not_json") is None
    assert watched.says("dead_letters", reason="no_text") == 1


def test_a_delivery_ages_until_it_arrives_or_is_given_up(watched: Watched) -> None:
    assert watched.says("oldest_delivery_seconds") == 0
    claimed = watched.deliver("one")
    watched.now += timedelta(minutes=7)
    assert watched.says("oldest_delivery_seconds") == 420
    with watched.engine.begin() as connection:
        outbox.dead(connection, claimed, "gone")
    assert watched.says("oldest_delivery_seconds") == 0
    assert watched.says("dead_deliveries") == 1


def test_what_quiet_hours_hold_back_is_not_late(watched: Watched) -> None:
    night = outbox.Delivery("desk", "test", "night", Note(about="night"), not_before=NOON + timedelta(hours=8))
    with watched.engine.begin() as connection:
        outbox.put_all(connection, [night], NOON)
    watched.now += timedelta(hours=7)
    assert watched.says("oldest_delivery_seconds") == 0
    watched.now += timedelta(hours=1)
    assert watched.says("oldest_delivery_seconds") == timedelta(hours=8).total_seconds()


def test_an_endpoint_that_rests_or_is_disabled_is_named_until_it_is_called_again(watched: Watched) -> None:
    with watched.engine.begin() as connection:
        for _ in range(5):
            endpoint_states.failed(connection, "desk", Breaker(), "answered 500", NOON)
        endpoint_states.disable(connection, "old", "answered 410", NOON)
    assert watched.says("endpoint_stopped", endpoint="desk", why="resting") == 1
    assert watched.says("endpoint_stopped", endpoint="old", why="disabled") == 1
    with watched.engine.begin() as connection:
        endpoint_states.recovered(connection, ["desk"], NOON)
        endpoint_states.enable(connection, "old", actor="ada", now=NOON)
    assert watched.says("endpoint_stopped", endpoint="desk", why="resting") is None
    assert watched.says("endpoint_stopped", endpoint="old", why="disabled") is None


def test_a_cache_that_is_away_takes_nothing_from_what_the_database_says(watched: Watched) -> None:
    away = StoreWatch(watched.engine, redis.Redis(port=9), lambda: NOON)
    an_ingest(watched.engine).scored([a_document(1, 1)], [])
    with pytest.raises(redis.ConnectionError):
        away.look()
    assert REGISTRY.get_sample_value("yuqing_search_queue_documents") == 1
