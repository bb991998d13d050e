"""The broker is killed in mid-stream and comes back with what it had acknowledged: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from eventually import eventually
from pipeline import Pipeline, stories
from sqlalchemy import Engine

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.ports import remembered_ports
from stream.publisher import Publisher
from stream.topics import Topics, ensure_topics


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of this test's own."""
    ports = remembered_ports(tmp_path / "ports.json", ("kafka", "controller"))
    kafka = EmbeddedKafka(tmp_path / "own", port=ports["kafka"], controller_port=ports["controller"])
    kafka.start()
    yield kafka
    kafka.process.stop()


@pytest.mark.long
def test_a_broker_that_is_killed_in_mid_stream_is_waited_for(
    broker: EmbeddedKafka, database: Engine, redis_client: redis.Redis, tmp_path: Path
) -> None:
    topics = Topics.prefixed("mid.")
    ensure_topics(broker.bootstrap, topics, partitions=4)
    pipeline = Pipeline(broker.bootstrap, topics, database, redis_client, tmp_path)
    fates: list[Exception | None] = []
    with pipeline.scoring(), pipeline.windows(), Publisher(broker.bootstrap, topics) as publisher:
        for document in stories(500):
            publisher.publish(document, on_ack=fates.append)
        eventually(lambda: pipeline.accounted() > 100, 60)
        process = broker.process.running()
        assert process is not None
        process.kill()
        process.wait(30)
        for document in stories(500, start=500):
            publisher.publish(document, on_ack=fates.append)
        broker.start()
        assert publisher.flush(90) == 0
        assert fates == [None] * 1000
        pipeline.settle(120)
    assert pipeline.scalar("SELECT sum(stored) FROM ledger") == 1000
