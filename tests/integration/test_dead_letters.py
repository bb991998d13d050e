"""Dead letters go back to documents.raw with their original bytes, each once, or are given up."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition
from eventually import eventually
from keyword_classifier import POISON
from pipeline import Pipeline, stories
from sqlalchemy import Engine

from storage.dead_letter_rows import find
from storage.records import Origin
from stream.dead_letters import REPLAYED_FROM, DeadLetterError, drop, replay
from stream.dead_records import origin_headers, plain_headers
from stream.documents import RawDocument
from stream.topics import Topics


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def open_letters(pipeline: Pipeline) -> list[Origin]:
    with pipeline.engine.connect() as connection:
        return [stored.letter.origin for stored in find(connection, state="open")]


def send_back(pipeline: Pipeline, origins: list[Origin]) -> int:
    return replay(pipeline.engine, pipeline.bootstrap, pipeline.topics, origins)


def test_letters_go_back_once_and_become_documents_when_the_cause_is_mended(pipeline: Pipeline) -> None:
    """The model choked on three documents; the operator mends it and sends them again."""
    bad = [RawDocument(source="wire", url=f"https://x.example/{n}", title=f"Harbour {POISON} {n}") for n in range(3)]
    pipeline.publish([*stories(5), *bad])
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle()
        letters = open_letters(pipeline)
        assert len(letters) == 3
        assert send_back(pipeline, letters) == 3
        assert send_back(pipeline, letters) == 0
        pipeline.settle()
    assert pipeline.count(pipeline.topics.raw) == 11
    again = [one for one in pipeline.records(pipeline.topics.raw) if REPLAYED_FROM in dict(one.headers() or ())]
    assert {dict(plain_headers(one.headers()))[REPLAYED_FROM].decode() for one in again} == {
        f"{one.topic}/{one.partition}/{one.offset}" for one in letters
    }
    first = {one.value() for one in pipeline.records(pipeline.topics.raw) if POISON.encode() in (one.value() or b"")}
    assert {one.value() for one in again} == first
    assert pipeline.scalar("SELECT count(*) FROM dead_letters WHERE state = 'replayed'") == 3


def test_dropped_letters_stay_on_the_books_and_are_not_sent(pipeline: Pipeline) -> None:
    pipeline.publish_bytes(b"one", b"two")
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle()
    letters = open_letters(pipeline)
    assert drop(pipeline.engine, letters[:1]) == 1
    assert drop(pipeline.engine, letters[:1]) == 0
    assert send_back(pipeline, letters) == 1
    assert pipeline.scalar("SELECT count(*) FROM dead_letters") == 2


def test_nothing_to_send_is_nothing_sent(pipeline: Pipeline) -> None:
    assert send_back(pipeline, []) == 0
    assert send_back(pipeline, [Origin(topic=pipeline.topics.raw, partition=0, offset=99)]) == 0
    assert drop(pipeline.engine, []) == 0


def corrupt_scored(pipeline: Pipeline) -> Origin:
    """A raw record whose scored form is spoilt on the wire."""
    pipeline.publish(stories(1))
    (raw,) = pipeline.records(pipeline.topics.raw)
    origin = Origin(topic=pipeline.topics.raw, partition=raw.partition() or 0, offset=0)
    producer = Producer({"bootstrap.servers": pipeline.bootstrap})
    arrived = stories(1)[0].fetched_at
    assert arrived is None
    from pipeline import now

    producer.produce(
        pipeline.topics.scored, b"spoilt", None, origin.partition, headers=list(origin_headers(origin, now()))
    )
    producer.flush(10)
    with pipeline.windows():
        eventually(lambda: pipeline.accounted() == 1)
    return origin


def test_a_letter_written_after_scoring_goes_back_as_its_raw_record(pipeline: Pipeline) -> None:
    origin = corrupt_scored(pipeline)
    assert send_back(pipeline, [origin]) == 1
    first, second = pipeline.records(pipeline.topics.raw)
    assert first.value() == second.value()
    assert first.key() == second.key()


def test_a_letter_whose_raw_record_is_gone_says_so_and_stays_open(pipeline: Pipeline) -> None:
    origin = corrupt_scored(pipeline)
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    for gone in admin.delete_records([TopicPartition(origin.topic, origin.partition, 1)]).values():
        gone.result(30)
    with pytest.raises(DeadLetterError, match="no longer in the log"):
        send_back(pipeline, [origin])
    assert open_letters(pipeline) == [origin]
