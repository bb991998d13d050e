"""A role is taken back over a real stream: it reads all of it again, and not one sum, outcome or score changes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from eventually import eventually
from pipeline import Pipeline, now, stories
from sqlalchemy import Engine, text

from deploy.cli import main
from deploy.embedded import StackAddresses
from stream.topics import Topics

BAD = (b"not json", b'{"source": "wire"}', None)


@pytest.fixture
def pipeline(
    stack: StackAddresses,
    topics: Topics,
    database: Engine,
    database_url: str,
    redis_url: str,
    redis_client: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_KAFKA__TOPIC_PREFIX": topics.raw.removesuffix("documents.raw"),
        "YUQING_KAFKA__GROUP": topics.raw,
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
    }.items():
        monkeypatch.setenv(name, value)
    return Pipeline(stack.kafka, topics, database, redis_client, tmp_path)


@pytest.fixture
def settled(pipeline: Pipeline) -> Pipeline:
    """Sixty stories and three records that nobody can read, all booked, and nobody at work any more."""
    pipeline.publish(stories(60))
    pipeline.publish_bytes(*BAD)
    work(pipeline)
    return pipeline


def work(pipeline: Pipeline) -> None:
    """Runs scorer and windows until everything is read and booked; then nobody is a member of their groups."""
    topics = pipeline.topics
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle()
        for role, read in (("scorer", topics.incoming), ("windows", (topics.scored, topics.dead))):
            eventually(lambda role=role, read=read: plan(pipeline, role, read) == {}, what=f"{role} read all")


def plan(pipeline: Pipeline, role: str, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
    """How much of each partition the role has still to read."""
    if role == "scorer":
        unread = sum(pipeline.count(topic) - pipeline.committed(topic, role) for topic in topics)
        return {("all", 0): unread} if unread else {}
    return {place: 1 for place, (_, end) in pipeline.ends(topics[0]).items() if position(pipeline, *place) < end}


def position(pipeline: Pipeline, topic: str, partition: int) -> int:
    with pipeline.engine.connect() as connection:
        query = text("SELECT next_offset FROM positions WHERE topic = :topic AND partition = :partition")
        return int(connection.execute(query, {"topic": topic, "partition": partition}).scalar() or 0)


def books(pipeline: Pipeline) -> dict[str, list[Any]]:
    tables = ("trend_counts", "ledger", "documents", "mentions", "dead_letters", "document_keys", "finality")
    with pipeline.engine.connect() as connection:
        return {table: sorted(map(str, connection.execute(text(f"SELECT * FROM {table}")))) for table in tables}


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["rewind", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    capsys.readouterr()
    assert main(["rewind", *arguments]) == code
    return capsys.readouterr().err


def test_both_roles_read_the_whole_stream_again_and_nothing_in_the_books_changes(
    settled: Pipeline, capsys: pytest.CaptureFixture[str]
):
    before = books(settled)
    outcomes = settled.count(settled.topics.scored) + settled.count(settled.topics.dead)

    scorer = told(capsys, "scorer", "--to", "earliest", "--yes")
    windows = told(capsys, "windows", "--to", "earliest", "--yes")

    assert (scorer["applied"], scorer["records"]) == (True, 63)
    assert (windows["applied"], windows["records"]) == (True, outcomes)
    assert settled.committed(settled.topics.raw, "scorer") == 0
    assert position(settled, settled.topics.scored, 0) == 0

    work(settled)

    assert settled.count(settled.topics.scored) + settled.count(settled.topics.dead) == 2 * outcomes, "scored again"
    assert settled.audit().differences == []
    assert books(settled) == before


def test_without_yes_it_says_what_it_would_do_and_does_nothing(settled: Pipeline, capsys: pytest.CaptureFixture[str]):
    committed = settled.committed(settled.topics.raw, "scorer")
    plan = told(capsys, "scorer", "--to", "earliest")

    assert (plan["applied"], plan["records"], plan["members"]) == (False, 63, [])
    assert {(one["to"], one["gone"]) for one in plan["partitions"]} == {(0, None)}
    assert settled.committed(settled.topics.raw, "scorer") == committed
    assert main(["rewind", "windows", "--to", "earliest"]) == 0
    assert "would be read again. Nothing was changed: --yes does it." in capsys.readouterr().out
    assert position(settled, settled.topics.scored, 0) > 0


@pytest.mark.parametrize("role", ["scorer", "windows"])
def test_it_goes_to_a_time_that_the_broker_told_or_to_an_offset(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], role: str
):
    pipeline.publish(stories(40))
    work(pipeline)
    between = now()
    main_topic = pipeline.topics.raw if role == "scorer" else pipeline.topics.scored
    first = {place: end for place, (_, end) in pipeline.ends(main_topic).items()}
    pipeline.publish(stories(40, start=40))
    work(pipeline)

    plan = told(capsys, role, "--to", between.isoformat())

    assert plan["records"] == 40
    assert {(one["topic"], one["partition"]): one["to"] for one in plan["partitions"] if one["records"]} == first
    assert told(capsys, role, "--to", (now() + timedelta(hours=1)).isoformat())["records"] == 0
    one = told(capsys, role, "--to-offset", "0:3", "--to-offset", f"{main_topic}:1:0", "--yes")
    assert {(step["partition"], step["to"]) for step in one["partitions"]} == {(0, 3), (1, 0)}
    assert told(capsys, role, "--to-offset", "0:3")["records"] == 0, "it stands there"


def test_what_the_broker_no_longer_keeps_is_said_with_exact_offsets(
    settled: Pipeline, capsys: pytest.CaptureFixture[str]
):
    topic = settled.topics.raw
    [(_, end)] = [span for place, span in settled.ends(topic).items() if place[1] == 0]
    admin = AdminClient({"bootstrap.servers": settled.bootstrap})
    for dropped in admin.delete_records([TopicPartition(topic, 0, 5)]).values():
        dropped.result()

    plan = told(capsys, "scorer", "--to-offset", "0:2")["partitions"]
    assert plan == [
        {
            "topic": topic,
            "partition": 0,
            "from": end,
            "to": 5,
            "records": end - 5,
            "gone": {"from": 2, "to": 5},
        }
    ]
    for to in ("2020-01-01T00:00Z", "earliest"):
        assert main(["rewind", "scorer", "--to", to]) == 0
        assert (
            f"{topic}/0: the broker no longer keeps offsets 0 to 4; the first it has is 5." in capsys.readouterr().out
        )


@pytest.mark.parametrize("role", ["scorer", "windows"])
def test_a_role_at_work_is_not_taken_back_and_it_is_said_how_to_stop_it(
    settled: Pipeline, capsys: pytest.CaptureFixture[str], role: str
):
    with settled.scoring() if role == "scorer" else settled.windows():
        plan = eventually(
            lambda: (said := told(capsys, role, "--to", "earliest"))["members"] and said, what="it is at work"
        )
        assert len(plan["members"]) == 1
        said = refused(capsys, role, "--to", "earliest", "--yes")

    assert f"1 member(s) of {settled.topics.raw}-{role} are at work" in said
    assert "stop it there" in said
    assert "up to 45 s" in said
    assert settled.audit().differences == []


def test_records_that_were_never_read_are_not_skipped(settled: Pipeline, capsys: pytest.CaptureFixture[str]):
    end = position(settled, settled.topics.scored, 2)
    said = refused(capsys, "windows", "--to-offset", f"2:{end + 3}", "--yes")

    assert f"{settled.topics.scored}/2 stands at {end}, and {end + 3} was asked for" in said
    assert position(settled, settled.topics.scored, 2) == end


def test_a_group_that_never_read_has_nothing_to_read_again(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]):
    pipeline.publish(stories(3))

    for role in ("scorer", "windows"):
        assert told(capsys, role, "--to", "earliest", "--yes")["partitions"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alerts", "--to", "earliest"], "'alerts' reads no topic; say scorer or windows"),
        (["scorer"], "say where to, one way"),
        (["scorer", "--to", "earliest", "--to-offset", "0:1"], "say where to, one way"),
        (["scorer", "--to", "yesterday"], "--to is 'yesterday'; give a time such as"),
        (["scorer", "--to-offset", "0"], "'0' is not PARTITION:OFFSET"),
        (["scorer", "--to-offset", "documents.scored:0:1"], "is not PARTITION:OFFSET"),
    ],
)
def test_a_target_that_is_none_is_wrong_use(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    assert said in refused(capsys, *arguments, code=2)


def test_a_partition_that_there_is_not_is_named_with_those_that_there_are(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
):
    raw = pipeline.topics.raw
    said = refused(capsys, "scorer", "--to-offset", "7:1")

    assert f"there is no partition {raw}/7; there are" in said
    assert f"{raw}/0-3" in said
