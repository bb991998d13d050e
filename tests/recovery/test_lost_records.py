"""Retention passes what was not read yet: the exact offsets are named, in the log, a metric, a row, status and audit.

Records leave the broker by AdminClient.delete_records, which moves a partition's first offset as retention does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from eventually import eventually
from pipeline import Pipeline, now, stories
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from deploy.cli import main
from deploy.embedded import StackAddresses
from storage import losses
from storage.losses import Loss
from stream.loss_watch import LossWatch
from stream.topics import Topics


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def expire(pipeline: Pipeline, topic: str, before: Mapping[int, int]) -> None:
    """The broker forgets what lies before these offsets of partitions of a topic."""
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    for gone in admin.delete_records([TopicPartition(topic, *place) for place in before.items()]).values():
        gone.result(30)


def watch(pipeline: Pipeline) -> LossWatch:
    return LossWatch(pipeline.bootstrap, pipeline.engine, pipeline.topics, now)


def noted(pipeline: Pipeline) -> list[Loss]:
    with pipeline.engine.connect() as connection:
        return [one.loss for one in losses.noted(connection)]


def ends(pipeline: Pipeline, topic: str) -> dict[int, int]:
    return {partition: end for (_, partition), (_, end) in pipeline.ends(topic).items()}


def test_raw_records_that_expired_before_a_scorer_came_are_named_though_its_group_has_no_offset(
    pipeline: Pipeline,
) -> None:
    pipeline.publish(stories(80))
    expire(pipeline, pipeline.topics.raw, {1: 5, 3: 8})
    wanted = [Loss(pipeline.topics.raw, 1, 0, 5), Loss(pipeline.topics.raw, 3, 0, 8)]
    with capture_logs() as logs, pipeline.scoring(), pipeline.windows():
        eventually(lambda: pipeline.accounted() == 80 - 13)
        assert watch(pipeline).look() == wanted
        assert watch(pipeline).look() == [], "noted once"
    assert noted(pipeline) == wanted
    told = [(one["partition"], one["first"], one["last"]) for one in logs if one["event"] == "records_lost"]
    assert told == [(1, 0, 4), (3, 0, 7)]
    assert REGISTRY.get_sample_value("yuqing_lost_records", {"topic": pipeline.topics.raw}) == 13
    assert pipeline.audit().differences == [
        f"{one}: lost, {one.records} records left the broker before they were counted (see `yuqing losses`)"
        for one in wanted
    ]


def test_raw_records_that_expired_ahead_of_a_scorers_offset_are_named(pipeline: Pipeline) -> None:
    pipeline.publish(stories(40))
    with pipeline.scoring(), pipeline.windows():
        eventually(lambda: pipeline.accounted() == 40)
    before = ends(pipeline, pipeline.topics.raw)
    pipeline.publish(stories(40, start=40))
    after = ends(pipeline, pipeline.topics.raw)
    expire(pipeline, pipeline.topics.raw, {0: after[0], 2: before[2] + 1})  # of partition 0 nothing is left
    with pipeline.scoring(), pipeline.windows():
        left = 80 - (after[0] - before[0]) - 1
        eventually(lambda: pipeline.accounted() == left)
        wanted = [
            Loss(pipeline.topics.raw, 0, before[0], after[0]),
            Loss(pipeline.topics.raw, 2, before[2], before[2] + 1),
        ]
        assert watch(pipeline).look() == wanted


def test_scored_records_that_expired_before_they_were_booked_are_named_and_can_be_scored_again(
    pipeline: Pipeline,
) -> None:
    pipeline.publish(stories(80))
    with pipeline.scoring():
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 80)
    expire(pipeline, pipeline.topics.scored, {1: 6})
    with pipeline.windows():
        eventually(lambda: pipeline.accounted() == 74)
        assert noted(pipeline) == [Loss(pipeline.topics.scored, 1, 0, 6)]
        assert (
            pipeline.scalar(
                f"SELECT next_offset FROM positions WHERE topic = '{pipeline.topics.scored}' AND partition = 1"
            )
            == ends(pipeline, pipeline.topics.scored)[1]
        )
        assert pipeline.audit().differences[0].startswith(f"{pipeline.topics.raw}/1: no outcome for offsets")
        # The raw records are still there: with its offsets set back, the scorer reads them again.
        pipeline.set_back("scorer")
        with pipeline.scoring():
            eventually(lambda: pipeline.accounted() == 80)
    (line,) = pipeline.audit().differences
    assert line.startswith(f"{pipeline.topics.scored}/1 offsets 0-5: lost, 6 records")


@pytest.mark.long
def test_an_outcome_that_comes_after_all_ends_a_loss(pipeline: Pipeline) -> None:
    pipeline.publish(stories(20))
    with pipeline.scoring():
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 20)
    expire(pipeline, pipeline.topics.raw, {0: 1, 1: 1, 2: 1, 3: 1})
    looking = watch(pipeline)
    assert looking.look() == [], "outcomes are on their way: nothing is lost yet"
    with pipeline.engine.begin() as connection:  # whoever notes it all the same is put right by the books
        losses.record(connection, [Loss(pipeline.topics.raw, 0, 0, 1)], now=now())
    with pipeline.windows():
        pipeline.settle()
    assert looking.look() == []
    assert pipeline.audit().ok


def test_losses_noted_twice_and_in_pieces_are_noted_once(database: Engine) -> None:
    with database.begin() as connection:
        losses.record(connection, [Loss("raw", 0, 5, 10)], now=now())
        again = losses.record(connection, [Loss("raw", 0, 0, 20), Loss("raw", 0, 7, 8)], now=now())
        assert again == [Loss("raw", 0, 0, 5), Loss("raw", 0, 10, 20)]
        assert losses.lost(connection, {("raw", 0): (12, 30)}) == [Loss("raw", 0, 0, 20)]
        losses.acknowledge(connection, [Loss("raw", 0, 5, 10)], actor="ada", reason="known", now=now())
        assert losses.lost(connection, {}) == again
        assert losses.acknowledge(connection, again, actor="ada", reason="known", now=now()) == 15
        assert losses.acknowledge(connection, again, actor="bob", reason="again", now=now()) == 0
        assert losses.lost(connection, {("raw", 0): (12, 30), ("raw", 1): (1, 30)}) == [Loss("raw", 1, 0, 1)]


def test_an_incoming_topic_that_began_anew_is_named(pipeline: Pipeline) -> None:
    with pipeline.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO ledger (topic, partition, accounted, stored) VALUES (:topic, 0, '{[0,9)}', 9)"),
            {"topic": pipeline.topics.raw},
        )
    with capture_logs() as logs:
        watch(pipeline).look()
    (told,) = [one["what"] for one in logs if one["event"] == "log_is_another"]
    assert told == f"{pipeline.topics.raw}/0: outcomes for offsets 0-8, which the broker does not have"


def test_a_loss_is_listed_until_somebody_acknowledges_it_with_a_reason(
    pipeline: Pipeline,
    stack: StackAddresses,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(pipeline.folder)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_KAFKA__TOPIC_PREFIX": pipeline.topics.raw.removesuffix("documents.raw"),
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["losses", "list"]) == 0
    assert "Nothing is lost." in capsys.readouterr().out
    pipeline.publish(stories(20))
    count = ends(pipeline, pipeline.topics.raw)
    expire(pipeline, pipeline.topics.raw, count)
    place = f"{pipeline.topics.raw}/0:0"

    assert main(["audit", "--no-wait"]) == 1
    assert f"{pipeline.topics.raw}/0 offsets 0-{count[0] - 1}: lost" in capsys.readouterr().out
    main(["status"])
    assert f"LOST before they were counted: {count[0]} from {place}" in capsys.readouterr().out
    assert main(["losses", "list", "--json"]) == 1
    listed = json.loads(capsys.readouterr().out)["losses"]
    assert [(one["partition"], one["last"]) for one in listed] == [(n, end - 1) for n, end in count.items()]
    assert main(["losses", "acknowledge", place]) == 2
    assert main(["losses", "acknowledge", "--actor", "ada", "--reason", "x"]) == 2
    assert main(["losses", "acknowledge", "raw/9:7", "--actor", "ada", "--reason", "x"]) == 2
    capsys.readouterr()
    assert main(["losses", "acknowledge", place, "--actor", "ada", "--reason", "retention was an hour"]) == 0
    assert main(["losses", "acknowledge", "--all", "--actor", "ada", "--reason", "the same", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"acknowledged": 20 - count[0]}
    assert main(["losses", "list", "--all"]) == 0
    assert "retention was an hour" in capsys.readouterr().out
    assert main(["audit", "--no-wait", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["losses_acknowledged"] == 20
