"""The scorer on the real broker and cache: each raw record gets exactly one outcome, whatever it holds."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis
from confluent_kafka.admin import AdminClient
from eventually import eventually
from keyword_classifier import POISON, KeywordClassifier
from pipeline import Pipeline, stories
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from model.classifier import Prediction, Tokens
from storage.records import Origin
from stream.dead_records import letter_of, origin_of, plain_headers
from stream.documents import RawDocument, decode_scored
from stream.publisher import Publisher
from stream.scoring import ModelError
from stream.topics import Topics


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def outcomes(pipeline: Pipeline) -> int:
    return pipeline.count(pipeline.topics.scored) + pipeline.count(pipeline.topics.dead)


def dead_reasons(pipeline: Pipeline) -> Counter[str]:
    letters = pipeline.records(pipeline.topics.dead)
    return Counter(dict(plain_headers(one.headers()))["yuqing-reason"].decode() for one in letters)


def test_a_document_is_scored_with_all_that_is_known_of_it(pipeline: Pipeline) -> None:
    pipeline.publish(
        [
            RawDocument(
                source="wire",
                url="https://news.example/1",
                title="Northwind Bank faces a fraud inquiry",
                published_at="2024-05-02T09:00:00Z",
            )
        ]
    )
    with pipeline.scoring():
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 1)
    (record,) = pipeline.records(pipeline.topics.scored)
    scored = decode_scored(record.value() or b"")
    assert scored.sentiment == "negative"
    assert scored.score_micro == -850_000
    assert scored.negative + scored.neutral + scored.positive == pytest.approx(1)
    assert [(one.entity_id, one.sentiment, one.score_micro) for one in scored.mentions] == [
        ("XX0000000001", "negative", -850_000)
    ]
    assert scored.topics == ("credit",)
    assert scored.novelty == "new"
    assert scored.story_id == scored.document_id
    assert scored.model_version == "keywords-1"
    assert scored.origin.topic == pipeline.topics.raw
    assert record.partition() == scored.origin.partition
    assert record.key() == str(scored.document_id).encode()
    assert origin_of(plain_headers(record.headers())) == (scored.origin, scored.arrived_at)


def test_broken_records_become_dead_letters_with_their_bytes_and_the_stream_goes_on(pipeline: Pipeline) -> None:
    broken = {
        b"not json": "not_json",
        b'{"source": 7, "title": "x"}': "wrong_shape",
        b'{"title": "no source"}': "wrong_shape",
        b'{"source": "wire", "title": "<p></p>"}': "no_text",
    }
    pipeline.publish(stories(20))
    pipeline.publish_bytes(*broken, None)
    pipeline.publish(stories(20, start=20))
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 45)
    assert pipeline.count(pipeline.topics.scored) == 40
    assert dead_reasons(pipeline) == {"not_json": 2, "wrong_shape": 2, "no_text": 1}
    raw = {(one.partition(), one.offset()): one.value() for one in pipeline.records(pipeline.topics.raw)}
    for record in pipeline.records(pipeline.topics.dead):
        place = Origin(topic=pipeline.topics.dead, partition=record.partition() or 0, offset=record.offset() or 0)
        headers = plain_headers(record.headers())
        letter = letter_of(place, record.key(), record.value(), headers, origin_of(headers)[1])  # type: ignore[index]
        assert letter.origin.partition == record.partition()
        assert letter.value == (raw[letter.origin.partition, letter.origin.offset] or b"")
        assert letter.detail


def test_mended_records_are_scored_with_a_flag(pipeline: Pipeline) -> None:
    huge = {"source": "wire", "title": "Harbour Steel files", "body": "steel " * 2_500_000}
    pipeline.publish_bytes(
        json.dumps({"source": "wire", "title": "Northwind\u0000 opens", "published_at": "3000-01-01"}).encode(),
        json.dumps(huge).encode(),
    )
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 2, 60)
    flags = {
        flag for one in pipeline.records(pipeline.topics.scored) for flag in decode_scored(one.value() or b"").flags
    }
    assert {"control_removed", "time_replaced", "body_cut"} <= flags


def test_a_document_that_the_model_chokes_on_dies_alone(pipeline: Pipeline) -> None:
    poisoned = [RawDocument(source="wire", url=f"https://x.example/{n}", title=f"{POISON} {n}") for n in range(3)]
    pipeline.publish([*stories(30), *poisoned, *stories(30, start=30)])
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 63)
    assert pipeline.count(pipeline.topics.scored) == 60
    assert dead_reasons(pipeline) == {"unscorable": 3}


def test_a_model_that_chokes_on_everything_stops_the_scorer(pipeline: Pipeline) -> None:
    pipeline.publish(stories(300))
    with pytest.raises(ModelError):
        pipeline.scorer(KeywordClassifier(broken=True)).run(threading.Event())


def test_a_restart_goes_on_where_it_was(pipeline: Pipeline) -> None:
    pipeline.publish(stories(50))
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 50)
    assert pipeline.committed(pipeline.topics.raw, "scorer") == 50
    pipeline.publish(stories(50, start=50))
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 100)
    assert outcomes(pipeline) == 100


def test_a_stop_finishes_what_was_read(pipeline: Pipeline) -> None:
    pipeline.publish(stories(2000))
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) > 0)
    assert pipeline.committed(pipeline.topics.raw, "scorer") == outcomes(pipeline)


def test_identical_texts_take_one_forward_pass(pipeline: Pipeline) -> None:
    classifier = KeywordClassifier()
    same = [RawDocument(source="wire", url=f"https://mirror.example/{n}", title="The same words") for n in range(100)]
    pipeline.publish(same)
    with pipeline.scoring(pipeline.scorer(classifier)):
        eventually(lambda: outcomes(pipeline) == 100)
    assert sum(classifier.batches) == 1


def test_two_scorers_share_each_topic_not_only_the_number_of_partitions(pipeline: Pipeline) -> None:
    """Where one had the whole live topic and the other the whole backfill, one would be idle on an ordinary day."""
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    group = f"{pipeline.topics.raw}-scorer"

    def shares() -> list[dict[str, int]]:
        members = admin.describe_consumer_groups([group])[group].result(10).members
        found = [Counter(one.topic for one in member.assignment.topic_partitions) for member in members]
        return [dict(each) for each in found]

    with pipeline.scoring():
        eventually(lambda: sum(map(len, shares())) == 2, what="one scorer has both topics")
        with pipeline.scoring():
            eventually(lambda: shares() == 2 * [dict.fromkeys(pipeline.topics.incoming, 2)], 60)


def test_two_scorers_share_the_work_and_one_takes_over_from_the_other(pipeline: Pipeline) -> None:
    pipeline.publish(stories(400))
    with pipeline.scoring():
        with pipeline.scoring():
            eventually(lambda: outcomes(pipeline) >= 400)
            pipeline.publish(stories(400, start=400))
            eventually(lambda: outcomes(pipeline) >= 600)
        pipeline.publish(stories(400, start=800))
        eventually(lambda: outcomes(pipeline) >= 1200, 60)
    scored = {decode_scored(one.value() or b"").origin for one in pipeline.records(pipeline.topics.scored)}
    assert len(scored) == 1200


def test_history_in_the_slow_lane_is_scored_too_and_every_record_is_accounted_for(pipeline: Pipeline) -> None:
    with Publisher(pipeline.bootstrap, pipeline.topics, backfill=True) as publisher:
        for document in stories(60):
            publisher.publish(document)
    pipeline.publish(stories(40, start=60))
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle()
    assert pipeline.count(pipeline.topics.backfill) == 60
    assert pipeline.scalar("SELECT count(*) FROM documents") == 100
    assert pipeline.scalar("SELECT sum(stored) FROM ledger WHERE topic LIKE '%backfill'") == 60


class Gate:
    """A classifier that holds everybody up until it is opened."""

    passes = 1

    def __init__(self, classifier: KeywordClassifier) -> None:
        self._classifier = classifier
        self.opened = threading.Event()
        self.encoded = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._classifier, name)

    def encode(self, texts: Sequence[str], *, toward: Sequence[str | None]) -> list[Tokens]:
        self.encoded += len(texts)
        return self._classifier.encode(texts, toward=toward)

    def predict_tokens(self, batch: Sequence[Tokens]) -> list[Prediction]:
        assert self.opened.wait(60)
        return self._classifier.predict_tokens(batch)


def test_what_is_ahead_of_the_model_is_paused_and_not_piled_up(pipeline: Pipeline) -> None:
    # 2,048 tokens in one pass: half as many records, and one read of at most 128 that was under way.
    pipeline.publish(stories(3000))
    gate = Gate(KeywordClassifier())
    with pipeline.scoring(pipeline.scorer(gate)):
        try:
            eventually(lambda: paused(pipeline.topics.raw))
            assert 1024 <= counted(pipeline.topics.raw) < 1024 + 128
        finally:
            gate.opened.set()
        eventually(lambda: outcomes(pipeline) == 3000, 60)
    scored = {decode_scored(one.value() or b"").origin for one in pipeline.records(pipeline.topics.scored)}
    assert len(scored) == 3000


def test_a_model_that_breaks_while_its_topic_is_paused_stops_the_scorer_too(pipeline: Pipeline) -> None:
    pipeline.publish(stories(3000))
    gate, failures = Gate(KeywordClassifier(broken=True)), []

    def work() -> None:
        try:
            pipeline.scorer(gate).run(threading.Event())  # which nobody sets
        except ModelError as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        eventually(lambda: paused(pipeline.topics.raw) and gate.encoded >= counted(pipeline.topics.raw))
    finally:
        gate.opened.set()
    thread.join(20)
    assert len(failures) == 1


def counted(topic: str) -> float:
    return REGISTRY.get_sample_value("yuqing_records_in_total", {"stage": "scorer", "topic": topic}) or 0.0


def paused(topic: str) -> bool:
    return REGISTRY.get_sample_value("yuqing_paused", {"stage": "scorer", "topic": topic}) == 1


class FlakyRedis:
    """A client whose first pipelines find nobody at home."""

    def __init__(self, client: redis.Redis, failures: int) -> None:
        self._client = client
        self.failures = failures

    def pipeline(self, *args: object, **kwargs: object) -> object:
        if self.failures:
            self.failures -= 1
            raise redis.ConnectionError("nobody at home")
        return self._client.pipeline(*args, **kwargs)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)


def test_a_cache_that_is_away_is_waited_for(pipeline: Pipeline) -> None:
    pipeline.publish(stories(10))
    flaky = FlakyRedis(pipeline.cache, failures=3)
    with pipeline.scoring(pipeline.scorer(cache=flaky)):
        eventually(lambda: outcomes(pipeline) == 10)
    assert flaky.failures == 0
    assert pipeline.count(pipeline.topics.dead) == 0


def test_a_stop_ends_the_wait_for_a_cache_and_what_was_read_is_read_again(pipeline: Pipeline) -> None:
    pipeline.publish(stories(10))
    flaky = FlakyRedis(pipeline.cache, failures=10**9)
    with pipeline.scoring(pipeline.scorer(cache=flaky)):
        eventually(lambda: flaky.failures < 10**9)
    assert outcomes(pipeline) == 0
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 10)


def test_a_stop_ends_the_wait_for_a_broker(pipeline: Pipeline, free_port: int) -> None:
    stop = threading.Event()
    stop.set()
    pipeline.scorer(bootstrap=f"127.0.0.1:{free_port}").run(stop)


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
