"""The embedded stack is the real thing: it keeps what was acknowledged, through restarts and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from eventually import eventually

from deploy.embedded import EmbeddedStack, StackAddresses, privileges
from deploy.embedded.ports import is_free
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.process import ServiceProcess
from deploy.errors import PartMissingError, ServiceError, StackInUseError

TOPIC = "kept"
SERVICES = ("kafka", "postgres", "redis")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("embedded") / "stack"
    yield folder
    EmbeddedStack(folder).remove()


def write_one_of_each(at: StackAddresses, value: str) -> None:
    with psycopg.connect(at.database_url) as session:
        session.execute("create table if not exists kept (value text)")
        session.execute("insert into kept values (%s)", [value])
    with redis.Redis.from_url(at.redis_url) as cache:
        cache.rpush("kept", value)
    admin = AdminClient({"bootstrap.servers": at.kafka})
    if TOPIC not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(10)
    producer = Producer({"bootstrap.servers": at.kafka, "acks": "all"})
    producer.produce(TOPIC, value.encode())
    assert producer.flush(10) == 0


def read_each(at: StackAddresses) -> tuple[list[str], list[str], list[str]]:
    with psycopg.connect(at.database_url) as session:
        rows = [str(row[0]) for row in session.execute("select value from kept order by value")]
    with redis.Redis.from_url(at.redis_url) as cache:
        keys = [value.decode() for value in cache.lrange("kept", 0, -1)]
    consumer = Consumer({"bootstrap.servers": at.kafka, "group.id": "reader", "enable.auto.commit": False})
    low, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    consumer.assign([TopicPartition(TOPIC, 0, low)])
    records = [record.value().decode() for record in consumer.consume(high - low, timeout=10)]
    consumer.close()
    return rows, keys, records


def pid_of(home: Path, name: str) -> int:
    process = ServiceProcess(name, home).running()
    assert process is not None
    return process.pid


def test_a_restart_keeps_everything(home: Path) -> None:
    stack = EmbeddedStack(home)
    with stack as at:
        for name in SERVICES:
            assert os.getsid(pid_of(home, name)) == pid_of(home, name), "Ctrl-C reaches only the daemon"
        write_one_of_each(at, "first")
        assert stack.versions()["kafka"] == "4.3.1"
        assert stack.versions()["postgres"].startswith("18.")
        assert stack.versions()["redis"].startswith("6.2")
        eventually(lambda: (home / "redis" / "data" / "appendonly.aof").stat().st_size > 0)
    assert stack.running() is None

    with EmbeddedStack(home) as again:
        assert again == at, "the ports are remembered"
        assert read_each(again) == (["first"], ["first"], ["first"])


def test_services_killed_with_kill_9_start_again_with_what_they_had_acknowledged(home: Path) -> None:
    stack = EmbeddedStack(home)
    with stack as at:
        write_one_of_each(at, "second")
        # Redis syncs its file every second, but a killed process loses nothing that it had written to it.
        eventually(lambda: b"second" in (home / "redis" / "data" / "appendonly.aof").read_bytes())
        for name in SERVICES:
            os.kill(pid_of(home, name), signal.SIGKILL)
        eventually(lambda: not any(ServiceProcess(name, home).running() for name in SERVICES))

        assert EmbeddedStack(home).running() is None
        assert stack.start() == at
        assert read_each(at) == (["first", "second"], ["first", "second"], ["first", "second"])


def test_a_running_stack_is_shared_and_only_its_owner_stops_it(home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from deploy.embedded import EmbeddedStack\n"
        "stack = EmbeddedStack(Path(sys.argv[1])); stack.start(); sys.stdin.read(); stack.stop()"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(home)], stdin=subprocess.PIPE)
    assert owner.stdin is not None
    eventually(lambda: EmbeddedStack(home).running(), timeout_s=60)
    guest = EmbeddedStack(home)
    guest.start()
    guest.stop()
    assert EmbeddedStack(home).running() is not None, "a guest leaves the services alone"
    with pytest.raises(StackInUseError, match="in use by process"):
        EmbeddedStack(home, fresh=True).start()

    owner.kill()
    owner.wait()
    assert EmbeddedStack(home).running() is not None, "services outlive an owner that was killed"
    heir = EmbeddedStack(home)
    heir.start()
    heir.stop()
    assert EmbeddedStack(home).running() is None, "the next one to start adopts and stops them"


def test_fresh_begins_anew(home: Path) -> None:
    with EmbeddedStack(home, fresh=True) as at:
        with psycopg.connect(at.database_url) as session:
            assert session.execute("select to_regclass('kept')").fetchone() == (None,)
        assert TOPIC not in AdminClient({"bootstrap.servers": at.kafka}).list_topics(timeout=10).topics


def test_a_service_that_cannot_start_is_an_error_that_names_its_log_file(home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(ServiceError) as failure:
        EmbeddedStack(home).start()
    version.write_text("18\n")
    assert str(home / "logs" / "postgres.log") in str(failure.value)
    assert "incompatible" in str(failure.value)
    assert EmbeddedStack(home).running() is None, "nothing is left running"
    assert ServiceProcess("kafka", home).running() is None


def test_commit_timestamps_are_tracked_since_latency_is_measured_from_them(stack: StackAddresses) -> None:
    with psycopg.connect(stack.database_url) as session:
        assert session.execute("show track_commit_timestamp").fetchone() == ("on",)
        assert session.execute("show timezone").fetchone() == ("UTC",)


def test_the_broker_takes_records_of_17_mebibytes_and_creates_no_topic_by_itself(stack: StackAddresses) -> None:
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    large = NewTopic("large", 1, 1, config={"max.message.bytes": str(17 * 1024 * 1024)})
    admin.create_topics([large])["large"].result(10)
    outcome: list[object] = []
    producer = Producer({"bootstrap.servers": stack.kafka, "message.max.bytes": 18 * 1024 * 1024})
    producer.produce("large", os.urandom(16 * 1024 * 1024), on_delivery=lambda error, _: outcome.append(error))
    producer.flush(30)
    assert outcome == [None]
    assert admin.list_topics("never-made", timeout=10).topics["never-made"].error is not None


def test_strangers_on_the_machine_need_the_password(stack: StackAddresses) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(stack.database_url.replace(stack.database_url.split(":")[2].split("@")[0], "wrong"))
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url("redis://" + stack.redis_url.split("@")[1]).ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_user_namespaces_runs_postgresql_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "user_namespaces", lambda _uid: False)
    (tmp_path / "private").mkdir(mode=0o700)
    port = next(port for port in range(18_000, 19_000) if is_free(port))
    server = EmbeddedPostgres(tmp_path / "private", port=port, secret="s3cret")
    try:
        for _ in range(2):  # the second time with data that exists
            server.start()
            running = server.process.running()
            assert running is not None
            assert running.uids().real != 0
            assert server.version().startswith("18.")
            server.process.stop()
    finally:
        server.wipe()


def test_jars_that_cannot_be_kept_are_an_error_that_says_where(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PartMissingError, match="Cannot keep Kafka's jars"):
        EmbeddedStack(home, jar_cache=tmp_path / "file").start()
