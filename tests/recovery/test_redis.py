"""Redis forgets everything, or comes back without its last second: both copies are filled again by themselves.

The hot windows are filled by the windows stage, the story index by the scorer that finds it gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import redis
from eventually import eventually
from pipeline import Pipeline, now, stories
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from deploy.doctor_checks import cache
from deploy.embedded.ports import remembered_ports
from deploy.embedded.redis import EmbeddedRedis
from deploy.examination import Patient, WrongError
from deploy.services import Services
from deploy.settings import Settings
from storage.connection import connect
from storage.copy_mark import CopyMark
from stream.documents import RawDocument, document_id
from stream.novelty import StoryIndex, StoryItem
from stream.story_restore import StoryRestore
from stream.topics import Topics

WINDOW = timedelta(hours=72)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server of this test's own, to be killed."""
    ports = remembered_ports(tmp_path / "ports.json", ("redis",))
    server = EmbeddedRedis(tmp_path / "own", port=ports["redis"], secret="only-here")
    server.start()
    yield server
    server.process.stop()


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def a_story(name: str, words: str) -> RawDocument:
    return RawDocument(source=name, url=f"https://{name}.example/1", title=words, published_at="2026-03-02T09:00:00Z")


WORDS = "Harbour Steel stops both furnaces after a fire at the mill on Tuesday and sends four hundred workers home"
OTHER = "Northwind Bank names a new head of its lending arm after the old one left for a rival across the river"


def index_of(pipeline: Pipeline, stop: threading.Event | None = None) -> StoryIndex:
    restore = restore_of(pipeline, pipeline.engine, stop or threading.Event())
    return StoryIndex(pipeline.cache, restore=restore)


def restore_of(pipeline: Pipeline, engine: Engine, stop: threading.Event) -> StoryRestore:
    return StoryRestore(pipeline.bootstrap, pipeline.topics.scored, engine, keep=WINDOW, clock=now, stop=stop)


def novelties(pipeline: Pipeline) -> dict[str, str]:
    with pipeline.engine.connect() as connection:
        return dict(tuple(row) for row in connection.execute(text("SELECT source, novelty FROM documents")))


def test_a_flush_in_mid_stream_leaves_hot_windows_and_stories_as_if_nothing_had_been(pipeline: Pipeline) -> None:
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))), pipeline.windows():
        pipeline.publish([a_story("first", WORDS), *stories(100)])
        pipeline.settle()
        pipeline.cache.flushdb()
        pipeline.publish([a_story("second", WORDS), a_story("third", OTHER), *stories(100, start=100)])
        pipeline.settle()
    assert novelties(pipeline).items() >= {"first": "new", "second": "reprint", "third": "new"}.items()
    assert pipeline.audit().figures["hot_mismatches"] == 0


@pytest.mark.long
def test_a_redis_that_starts_again_empty_is_filled_again(pipeline: Pipeline, own_redis: EmbeddedRedis) -> None:
    """Its volume is lost: killed, and started on nothing."""
    with redis.Redis.from_url(own_redis.url) as cache:
        ours = Pipeline(pipeline.bootstrap, pipeline.topics, pipeline.engine, cache, pipeline.folder)
        with ours.scoring(ours.scorer(stories=index_of(ours))), ours.windows():
            ours.publish([a_story("first", WORDS), *stories(50)])
            ours.settle()
            lose(own_redis)
            ours.publish([a_story("second", WORDS), *stories(50, start=50)])
            ours.settle()
        assert novelties(ours)["second"] == "reprint"


def lose(server: EmbeddedRedis) -> None:
    process = server.process.running()
    assert process is not None
    process.kill()
    process.wait(30)
    for file in (server._home / "data").iterdir():
        file.unlink()
    server.start()


def test_a_redis_that_lost_its_last_second_is_filled_again(pipeline: Pipeline, own_redis: EmbeddedRedis) -> None:
    """What it wrote last was not on disk when it was killed; the marks of both copies were."""
    with redis.Redis.from_url(own_redis.url) as cache:
        ours = Pipeline(pipeline.bootstrap, pipeline.topics, pipeline.engine, cache, pipeline.folder)
        with ours.scoring(ours.scorer(stories=index_of(ours))), ours.windows():
            ours.publish([a_story("first", WORDS), *stories(50)])
            ours.settle()
            for key in cache.keys("yuqing:story:*"):
                cache.delete(key)
            cache.delete("yuqing:hot:*:*")
            own_redis.process.stop()
            own_redis.start()
            assert cache.get("yuqing:story_whole")
            ours.publish([a_story("second", WORDS)])
            ours.settle()
        assert novelties(ours)["second"] == "reprint"


@pytest.mark.long
def test_a_document_that_is_scored_again_after_a_flush_gets_its_first_answer(pipeline: Pipeline) -> None:
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))), pipeline.windows():
        pipeline.publish([a_story("first", WORDS)])
        pipeline.settle()
        pipeline.publish([a_story("second", WORDS), a_story("third", OTHER)])
        pipeline.settle()
    before = [(one.partition(), one.offset(), one.value()) for one in pipeline.records(pipeline.topics.scored)]
    pipeline.cache.flushdb()
    pipeline.set_back("scorer")
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))):
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 6)
    after = [one.value() for one in pipeline.records(pipeline.topics.scored)]
    assert sorted(after) == sorted(2 * [value for _, _, value in before])


def test_scoring_waits_for_a_database_that_is_away_while_the_index_is_lost(pipeline: Pipeline) -> None:
    """Without it every reprint would count as news. A stop ends the wait, and what was read is read again."""
    restore = restore_of(pipeline, connect("postgresql://nobody@127.0.0.1:1/none"), stop := threading.Event())
    scorer = pipeline.scorer(stories=StoryIndex(pipeline.cache, restore=restore))
    pipeline.publish([a_story("first", WORDS)])
    with capture_logs() as logs:
        thread = threading.Thread(target=scorer.run, args=(stop,))
        thread.start()
        eventually(lambda: "database_unreachable" in [entry["event"] for entry in logs])
        stop.set()
        thread.join(30)
    assert pipeline.count(pipeline.topics.scored) + pipeline.count(pipeline.topics.dead) == 0
    assert not pipeline.committed(pipeline.topics.raw, "scorer")


def test_what_is_scored_and_not_booked_yet_is_put_back_too(pipeline: Pipeline) -> None:
    """The windows stage is down, Redis is lost, and a reprint of the newest document comes."""
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))):
        pipeline.publish([a_story("first", WORDS)])
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 1)
        pipeline.cache.flushdb()
        pipeline.publish([a_story("second", WORDS), a_story("third", OTHER)])
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 3)
    with pipeline.windows():
        pipeline.settle()
    assert novelties(pipeline) == {"first": "new", "second": "reprint", "third": "new"}


def test_an_index_that_is_put_back_is_the_one_that_was_lost(pipeline: Pipeline) -> None:
    """Nine reprints of one text, five booked and four not; a band holds the newest eight."""
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))):
        pipeline.publish([a_story(f"paper-{number}", WORDS) for number in range(5)])
        with pipeline.windows():
            pipeline.settle()
        pipeline.publish([a_story(f"paper-{number}", WORDS) for number in range(5, 9)])
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 9)
    lost = held(pipeline)
    pipeline.cache.flushdb()
    index_of(pipeline).place([StoryItem(document_id=UUID(int=1), text=OTHER, published_at=now())])
    found = held(pipeline)
    documents = {key for key in lost if b":story:d:" in key}
    assert len(documents) == 9
    assert {key: found[key] for key in documents} == {key: lost[key] for key in documents}
    bands = lost.keys() - documents
    newest = {document_id(a_story(f"paper-{number}", WORDS)).bytes for number in range(5, 9)}
    for key in bands:
        assert len(found[key]) == len(lost[key]) == 8 * 16
        assert newest <= {found[key][at : at + 16] for at in range(0, 8 * 16, 16)}


def held(pipeline: Pipeline) -> dict[bytes, bytes]:
    return {key: pipeline.cache.get(key) for key in pipeline.cache.scan_iter("yuqing:story:*")}


@pytest.mark.long
def test_documents_older_than_the_window_are_not_put_back(pipeline: Pipeline) -> None:
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))), pipeline.windows():
        pipeline.publish(stories(20))
        pipeline.settle()
    with pipeline.engine.begin() as connection:
        connection.execute(text("UPDATE documents SET ingested_at = ingested_at - interval '73 hours'"))
    pipeline.cache.flushdb()
    with pipeline.scoring(pipeline.scorer(stories=index_of(pipeline))), pipeline.windows():
        pipeline.publish([a_story("later", "Quite another matter in another town on another day")])
        pipeline.settle()
    assert len(pipeline.cache.keys("yuqing:story:d:*")) == 1


def test_a_redis_that_drops_keys_when_full_is_called_wrong(own_redis: EmbeddedRedis) -> None:
    patient = Patient(Settings(), Services("", "", own_redis.url))
    assert cache(patient).startswith("Redis")
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "100mb")
        assert cache(patient).startswith("Redis")
        client.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(WrongError, match="allkeys-lru"):
        cache(patient)


def test_a_copy_is_whole_only_since_the_last_flush_and_start(redis_client: redis.Redis) -> None:
    mark = CopyMark(redis_client, "mark")
    assert not mark.whole()
    mark.begin()
    assert not mark.whole()
    assert mark.finish()
    assert mark.whole()
    mark.begin()
    redis_client.flushdb()
    assert not mark.finish(), "forgotten while it was being made"
    redis_client.set("mark", "whole another run of the server")
    assert not mark.whole()
    assert not mark.finish()
