"""The windows stage on the real broker, database and cache: every record is booked, none twice, none skipped."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid5

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from eventually import eventually
from pipeline import WATCHED, Pipeline
from sqlalchemy import Engine, text

from storage.records import DeadLetter, Mention, Origin, ScoredDocument
from storage.trend_rows import TrendRow
from stream.dead_records import origin_headers, wire_headers
from stream.documents import RawDocument, document_id, encode
from stream.topics import Topics
from stream.windows import WindowsError, run

NOON = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def scored(topics: Topics, numbers: Iterable[int]) -> list[ScoredDocument]:
    """Documents as the scorer makes them; document n comes from raw record n // 4 of partition n % 4."""
    return [
        ScoredDocument(
            document_id=(identity := document_id(RawDocument(source="wire", guid=str(number)))),
            origin=Origin(topic=topics.raw, partition=number % 4, offset=number // 4),
            source="wire",
            title=f"Item {number}",
            language="en",
            published_at=NOON + timedelta(seconds=number),
            arrived_at=NOON + timedelta(seconds=number),
            story_id=uuid5(identity, "story"),
            novelty="new",
            sentiment="negative",
            negative=0.9,
            neutral=0.05,
            positive=0.05,
            score_micro=-850_000,
            topics=("credit",),
            mentions=(
                Mention(
                    entity_id=WATCHED[number % 3].entity_id, surface="x", sentiment="negative", score_micro=-850_000
                ),
            ),
            model_version="m1",
        )
        for number in numbers
    ]


def send(pipeline: Pipeline, outcomes: Sequence[ScoredDocument | DeadLetter | tuple[Origin, bytes]]) -> None:
    """Puts outcomes on their topics as the scorer does, and as many raw records where there are fewer."""
    producer = Producer({"bootstrap.servers": pipeline.bootstrap, "message.max.bytes": 20_000_000, "linger.ms": 20})
    topics = pipeline.topics
    for outcome in outcomes:
        if isinstance(outcome, ScoredDocument):
            origin, headers = outcome.origin, origin_headers(outcome.origin, outcome.arrived_at)
            producer.produce(topics.scored, encode(outcome), b"k", origin.partition, headers=list(headers))
        elif isinstance(outcome, DeadLetter):
            origin, headers = outcome.origin, wire_headers(outcome)
            producer.produce(topics.dead, outcome.value, outcome.key, origin.partition, headers=list(headers))
        else:
            origin, value = outcome
            producer.produce(topics.scored, value, b"k", origin.partition, headers=list(origin_headers(origin, NOON)))
    raw = pipeline.ends(topics.raw)
    for outcome in outcomes:
        origin = outcome[0] if isinstance(outcome, tuple) else outcome.origin
        if origin.offset >= raw[topics.raw, origin.partition][1]:
            producer.produce(topics.raw, b"{}", None, origin.partition)
    assert producer.flush(30) == 0


def letter(pipeline: Pipeline, partition: int, offset: int, value: bytes = b"not json") -> DeadLetter:
    return DeadLetter(
        origin=Origin(topic=pipeline.topics.raw, partition=partition, offset=offset),
        reason="not_json",
        detail="it is not",
        key=None,
        value=value,
        headers=(("trace", b"7"),),
        arrived_at=NOON,
    )


def test_scored_documents_and_dead_letters_get_into_the_books(pipeline: Pipeline) -> None:
    send(pipeline, [*scored(pipeline.topics, range(400)), letter(pipeline, 0, 100), letter(pipeline, 1, 100)])
    with pipeline.windows():
        pipeline.settle()
    assert pipeline.scalar("SELECT count(*) FROM documents") == 400
    assert pipeline.scalar("SELECT sum(negative) FROM trend_counts WHERE entity_id = '*' AND topic = '*'") == 400
    assert pipeline.scalar("SELECT string_agg(reason || detail, ',') FROM dead_letters") == "not_jsonit is not," * 1 + (
        "not_jsonit is not"
    )
    assert pipeline.committed(pipeline.topics.scored, "windows") == 400
    assert pipeline.hot.read("*", since=NOON)


def test_the_largest_dead_letter_gets_through(pipeline: Pipeline) -> None:
    send(pipeline, [letter(pipeline, 2, 0, value=bytes(range(256)) * 62_000)])
    with pipeline.windows():
        pipeline.settle()
    assert pipeline.scalar("SELECT length(value) FROM dead_letters") == 256 * 62_000


def test_a_corrupt_scored_record_is_accounted_to_its_raw_record(pipeline: Pipeline) -> None:
    corrupt = (Origin(topic=pipeline.topics.raw, partition=1, offset=0), b'{"half": ')
    send(pipeline, [corrupt, *scored(pipeline.topics, [5, 9, 13])])
    with pipeline.windows():
        eventually(lambda: pipeline.accounted() == 4)
    assert pipeline.scalar('SELECT reason || partition || "offset" FROM dead_letters') == "corrupt_scored10"
    assert not [line for line in pipeline.audit().differences if "accounted" in line]


def test_the_same_records_again_change_no_sum(pipeline: Pipeline) -> None:
    documents = scored(pipeline.topics, range(200))
    send(pipeline, documents)
    with pipeline.windows():
        pipeline.settle()
        before = pipeline.sums()
        send(pipeline, documents)
        eventually(lambda: pipeline.scalar("SELECT sum(next_offset) FROM positions") == 400)
        pipeline.settle()
    assert pipeline.sums() == before


def test_offsets_that_kafka_holds_ahead_of_the_books_skip_nothing(pipeline: Pipeline) -> None:
    """Faust has committed records that were never booked: the position in PostgreSQL counts."""
    send(pipeline, scored(pipeline.topics, range(200)))
    consumer = Consumer({"bootstrap.servers": pipeline.bootstrap, "group.id": f"{pipeline.topics.raw}-windows"})
    consumer.commit(offsets=[TopicPartition(pipeline.topics.scored, n, 40) for n in range(4)], asynchronous=False)
    consumer.close()
    with pipeline.windows():
        pipeline.settle()
    assert pipeline.scalar("SELECT count(*) FROM documents") == 200


def test_a_position_behind_the_books_is_no_harm(pipeline: Pipeline) -> None:
    """We died between the commit of PostgreSQL and that of Kafka."""
    send(pipeline, scored(pipeline.topics, range(100)))
    with pipeline.windows():
        pipeline.settle()
    consumer = Consumer({"bootstrap.servers": pipeline.bootstrap, "group.id": f"{pipeline.topics.raw}-windows"})
    consumer.commit(offsets=[TopicPartition(pipeline.topics.scored, n, 0) for n in range(4)], asynchronous=False)
    consumer.close()
    with pipeline.engine.begin() as connection:
        connection.execute(text("UPDATE positions SET next_offset = 3"))
    before = pipeline.sums()
    send(pipeline, scored(pipeline.topics, range(100, 140)))
    with pipeline.windows():
        pipeline.settle()
    assert pipeline.scalar("SELECT count(*) FROM documents") == 140
    assert [row for row in pipeline.sums() if row in before]


def test_records_that_faust_passes_over_are_read_again(pipeline: Pipeline) -> None:
    """The consumer is moved ahead behind our back, in the middle of the work."""
    app = pipeline.app()
    with pipeline.windows(app):
        send(pipeline, scored(pipeline.topics, range(40)))
        eventually(lambda: pipeline.accounted() == 40)
        (ahead,) = (tp for tp in app.consumer.assignment() if tp.topic == pipeline.topics.scored and tp.partition == 2)
        app.consumer._thread.seek(ahead, 15)
        send(pipeline, scored(pipeline.topics, range(40, 200)))
        pipeline.settle()
    assert pipeline.scalar("SELECT count(*) FROM documents") == 200


def test_what_retention_took_is_left_and_the_rest_is_read(pipeline: Pipeline) -> None:
    send(pipeline, scored(pipeline.topics, range(80)))
    wanted = [TopicPartition(pipeline.topics.scored, 1, 15), TopicPartition(pipeline.topics.scored, 3, 20)]
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    for gone in admin.delete_records(wanted).values():
        gone.result(30)
    with pipeline.windows():
        eventually(lambda: pipeline.accounted() == 45)
        send(pipeline, scored(pipeline.topics, range(80, 100)))
        eventually(lambda: pipeline.accounted() == 65)


def test_a_log_that_is_not_the_one_that_was_read_stops_the_stage(pipeline: Pipeline) -> None:
    send(pipeline, scored(pipeline.topics, range(8)))
    with pipeline.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO positions VALUES (:topic, 0, 500, NULL, now())"), {"topic": pipeline.topics.scored}
        )
    with pytest.raises(WindowsError, match="another one"):
        run(pipeline.app(), threading.Event())


class FlakyHot:
    """Hot windows whose cache is away for the first so many calls."""

    def __init__(self, pipeline: Pipeline, failures: int) -> None:
        self._hot = pipeline.hot
        self.failures = failures

    def _maybe_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise redis.ConnectionError("nobody at home")

    def set(self, rows: Iterable[TrendRow]) -> None:
        self._maybe_fail()
        self._hot.set(rows)

    def whole(self) -> bool:
        self._maybe_fail()
        return self._hot.whole()

    def rebuild(self, engine: Engine) -> int:
        self._maybe_fail()
        return self._hot.rebuild(engine)


def test_a_cache_that_is_away_holds_nothing_up_and_is_mended(pipeline: Pipeline) -> None:
    flaky = FlakyHot(pipeline, failures=3)
    send(pipeline, scored(pipeline.topics, range(100)))
    with pipeline.windows(pipeline.app(hot=flaky, batch_size=20)):
        pipeline.settle()
    assert flaky.failures == 0


def test_a_cache_that_forgets_everything_is_filled_again_though_no_call_failed(pipeline: Pipeline) -> None:
    send(pipeline, scored(pipeline.topics, range(100)))
    with pipeline.windows():
        pipeline.settle()
        pipeline.cache.flushdb()
        eventually(lambda: not pipeline.audit().differences)
        assert pipeline.hot.read("*", since=NOON)


def test_two_workers_share_the_work_and_one_takes_over_from_the_other(pipeline: Pipeline) -> None:
    send(pipeline, scored(pipeline.topics, range(1000)))
    with pipeline.windows():
        with pipeline.windows():
            send(pipeline, scored(pipeline.topics, range(1000, 2000)))
            pipeline.settle(90)
            send(pipeline, scored(pipeline.topics, range(2000, 3000)))
        pipeline.settle(90)
    assert pipeline.scalar("SELECT count(*) FROM documents") == 3000


def test_a_database_that_goes_away_is_waited_for(pipeline: Pipeline) -> None:
    with pipeline.windows():
        send(pipeline, scored(pipeline.topics, range(20)))
        eventually(lambda: pipeline.accounted() == 20)
        with pipeline.engine.begin() as blocker:
            blocker.execute(text("ALTER TABLE ledger RENAME TO ledger_away"))
        send(pipeline, scored(pipeline.topics, range(20, 60)))
        eventually(lambda: pipeline.app and pipeline.scalar("SELECT count(*) FROM documents") == 20)
        with pipeline.engine.begin() as blocker:
            blocker.execute(text("ALTER TABLE ledger_away RENAME TO ledger"))
        pipeline.settle()
    assert pipeline.scalar("SELECT count(*) FROM documents") == 60
