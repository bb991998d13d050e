"""Workers come and go, and partitions are added, in mid-stream: no gap, no double, and nobody is started again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions
from eventually import eventually
from pipeline import Pipeline, stories
from sqlalchemy import Engine

from stream.documents import encode
from stream.publisher import Publisher
from stream.topics import Topics


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


@contextmanager
def publishing(pipeline: Pipeline, count: int) -> Iterator[threading.Event]:
    """Documents keep coming, ten at a time, until the context is left; then the rest of `count` comes at once."""
    left = threading.Event()

    def publish() -> None:
        with Publisher(pipeline.bootstrap, pipeline.topics) as publisher:
            for number, document in enumerate(stories(count)):
                publisher.publish(document)
                if number % 10 == 9:
                    left.wait(0.05)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield left
    finally:
        left.set()
        thread.join(60)


def add_partitions(pipeline: Pipeline, count: int, *topics: str) -> None:
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    for made in admin.create_partitions([NewPartitions(topic, count) for topic in topics]).values():
        made.result(30)
    for topic in topics:
        eventually(lambda topic=topic: len(pipeline.ends(topic)) == count)


def publish_into(pipeline: Pipeline, partition: int, start: int, count: int) -> None:
    producer = Producer({"bootstrap.servers": pipeline.bootstrap})
    for document in stories(count, start=start):
        producer.produce(pipeline.topics.raw, encode(document), partition=partition)
    assert producer.flush(30) == 0


@pytest.mark.long
def test_workers_that_join_and_leave_in_mid_stream_leave_no_gap_and_no_double(pipeline: Pipeline) -> None:
    with publishing(pipeline, 3000), ExitStack() as first, ExitStack() as second:
        for workers in (first, second):
            workers.enter_context(pipeline.scoring())
            workers.enter_context(pipeline.windows())
            known = pipeline.accounted()
            eventually(lambda known=known: pipeline.accounted() > known + 100, 60)
        first.close()
        known = pipeline.accounted()
        eventually(lambda: pipeline.accounted() > known + 100, 60)
        with pipeline.scoring(), pipeline.windows():
            second.close()
            eventually(lambda: pipeline.accounted() == 3000, 90)
            pipeline.settle()
    assert pipeline.scalar("SELECT sum(stored) FROM ledger") == 3000
    assert pipeline.scalar("SELECT sum(documents) FROM trend_counts WHERE entity_id = '*' AND topic = '*'") == 3000


def test_partitions_that_are_added_in_mid_stream_are_read_without_a_restart(pipeline: Pipeline) -> None:
    topics = pipeline.topics
    with pipeline.scoring(), pipeline.windows():
        pipeline.publish(stories(100))
        pipeline.settle()
        add_partitions(pipeline, 6, topics.raw, topics.scored, topics.dead)
        publish_into(pipeline, 5, 100, 50)
        eventually(lambda: pipeline.ends(topics.scored)[topics.scored, 5][1] == 50, 60, what="the scorer follows")
        pipeline.settle(90)
        publish_into(pipeline, 4, 150, 50)
        pipeline.publish(stories(200, start=200))
        pipeline.settle()
    assert pipeline.scalar("SELECT count(*) FROM documents") == 400
    assert pipeline.ends(topics.scored)[topics.scored, 4][1] >= 50
