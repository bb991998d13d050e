"""The hot rows in Redis: the highest revision wins, old minutes go, and a lost copy is made anew."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
import pytest
import redis
from book_records import NOON, a_document, a_mention, in_batches
from books import an_ingest, trend_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from storage.hot_windows import HotWindows
from storage.trend_rows import TrendRow

HOUR = timedelta(hours=1)


def a_row(minute: int = 0, revision: int = 1, **fields) -> TrendRow:
    row = TrendRow(
        "acme", "*", NOON + timedelta(minutes=minute), "m1", revision, 1, 1, 0, 0, 1, -5, revision, NOON, False
    )
    return msgspec.structs.replace(row, **fields)


@pytest.fixture
def hot(redis_client: redis.Redis) -> HotWindows:
    return HotWindows(redis_client, keep=HOUR)


def test_rows_are_read_back_by_entity_topic_and_time(hot: HotWindows):
    rows = [a_row(minute) for minute in range(3)]
    hot.set([*rows, a_row(entity_id="中信"), a_row(topic="legal"), a_row(2, model_version="m2")])

    assert hot.read("acme", since=NOON + timedelta(minutes=1)) == [rows[1], rows[2], a_row(2, model_version="m2")]
    assert hot.read("acme", "legal", since=NOON) == [a_row(topic="legal")]
    assert hot.read("中信", since=NOON) == [a_row(entity_id="中信")]
    assert hot.read("nobody", since=NOON) == []


def test_what_is_no_row_of_ours_is_passed_over_named_and_removed(
    hot: HotWindows, redis_client: redis.Redis, database: Engine
):
    an_ingest(database).scored([a_document("a", 0)], [])
    hot.rebuild(database)
    [right] = hot.read("*", since=NOON)
    for field, value in (("x", b"1|{}"), ("y", b"\xff"), ("z", b'3|{"entity_id":"\xff"}')):
        redis_client.hset("yuqing:hot:*:*", field, value)

    assert hot.read("*", since=NOON) == [right]
    assert hot.mismatches(database) == ["hot rows in Redis, b'yuqing:hot:*:*': 3 are unreadable"]
    hot.rebuild(database)
    assert hot.mismatches(database) == []


def test_only_a_higher_revision_overwrites(hot: HotWindows):
    hot.set([a_row(revision=10)])
    hot.set([a_row(revision=9), a_row(revision=2)])
    assert hot.read("acme", since=NOON) == [a_row(revision=10)]

    hot.set([a_row(revision=11), a_row(revision=10)])

    assert hot.read("acme", since=NOON) == [a_row(revision=11)]


def test_each_entity_and_topic_keeps_its_own_last_stretch_of_event_time(hot: HotWindows, redis_client: redis.Redis):
    hot.set([a_row(0), a_row(1), a_row(60), a_row(0, entity_id="quiet")])

    assert [row.bucket for row in hot.read("acme", since=NOON)] == [NOON + timedelta(minutes=m) for m in (1, 60)]
    assert hot.read("quiet", since=NOON) == [a_row(0, entity_id="quiet")]
    hot.set([a_row(0, revision=9)])
    assert len(hot.read("acme", since=NOON)) == 2, "what is too old on arrival does not stay"
    assert redis_client.zcard("yuqing:hot_order:acme:*") == redis_client.hlen("yuqing:hot:acme:*") == 2


def test_a_colon_in_a_name_does_not_make_two_subjects_share_a_key(hot: HotWindows):
    one, other = a_row(entity_id="a:b", topic="c"), a_row(entity_id="a", topic="b:c")
    hot.set([one, other])

    assert hot.read("a:b", "c", since=NOON) == [one]
    assert hot.read("a", "b:c", since=NOON) == [other]


def test_more_rows_than_one_script_call_takes(hot: HotWindows):
    rows = [a_row(entity_id=f"e{n}") for n in range(450)]
    hot.set(rows)

    assert all(hot.read(row.entity_id, since=NOON) == [row] for row in rows)


def test_nothing_to_set_is_no_error(hot: HotWindows):
    hot.set([])


ROWS = st.lists(st.builds(a_row, st.integers(0, 150), st.integers(1, 12)), max_size=25)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 9))
def test_any_order_repetition_and_split_leave_the_same_rows(hot, redis_client, rows, dice, size):
    redis_client.flushdb()
    deliveries = rows + dice.choices(rows, k=len(rows) // 2) if rows else []
    dice.shuffle(deliveries)
    for batch in in_batches(deliveries, size):
        hot.set(batch)

    newest: dict[object, TrendRow] = {}
    for row in sorted(rows, key=lambda row: row.revision):
        newest[row.bucket] = row
    last = max(newest, default=NOON)
    assert hot.read("acme", since=NOON) == [newest[bucket] for bucket in sorted(newest) if bucket > last - HOUR]


@pytest.fixture
def books(database: Engine, hot: HotWindows) -> Engine:
    """Three hours of documents of five companies, set in Redis as the windows stage sets them."""
    ingest = an_ingest(database)
    documents = [
        a_document(n, n, minute=random.Random(n).randrange(180), topics=("legal",), mentions=(a_mention(f"e{n % 5}"),))
        for n in range(120)
    ]
    for batch in in_batches(documents, 25):
        hot.set(ingest.scored(batch, []).trends)
    return database


def test_what_the_windows_stage_sets_agrees_with_postgresql(books: Engine, hot: HotWindows):
    assert hot.mismatches(books) == []
    market = [row for row in trend_rows(books) if (row.entity_id, row.topic) == ("*", "*")]
    assert hot.read("*", since=NOON) == [row for row in market if row.bucket > market[-1].bucket - HOUR]


def test_a_lost_copy_is_rebuilt_and_equals_the_one_that_was_kept_up(books: Engine, hot, redis_client: redis.Redis):
    def everything():
        return {key: redis_client.hgetall(key) for key in redis_client.keys("yuqing:hot:*")}

    kept_up = everything()
    redis_client.flushdb()
    assert hot.mismatches(books)

    count = hot.rebuild(books)

    assert everything() == kept_up
    assert count == sum(map(len, kept_up.values()))
    assert hot.mismatches(books) == []


def test_rebuilding_clears_what_does_not_belong_and_leaves_the_keys_of_others(books: Engine, hot, redis_client):
    hot.set([a_row(entity_id="ghost", revision=99)])
    redis_client.set("yuqing:story:1", b"not ours")
    HotWindows(redis_client, prefix="other*:").set([a_row()])
    assert hot.mismatches(books) == [
        "hot row ghost / * / 2024-05-06T12:00Z / m1: in Redis, but not among the hot rows of PostgreSQL"
    ]

    hot.rebuild(books)

    assert hot.mismatches(books) == []
    assert redis_client.get("yuqing:story:1") == b"not ours"
    assert HotWindows(redis_client, prefix="other*:").read("acme", since=NOON) == [a_row()]


def test_a_client_that_decodes_reads_the_same(redis_client: redis.Redis, hot: HotWindows, redis_url: str):
    hot.set([a_row(entity_id="中信")])

    with redis.Redis.from_url(redis_url, decode_responses=True) as decoding:
        assert HotWindows(decoding, keep=HOUR).read("中信", since=NOON) == [a_row(entity_id="中信")]
