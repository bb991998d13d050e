"""PostgreSQL dies, has no connection left, has a full disk, or a standby takes over: nothing lost, nothing doubled.

Each test has servers of its own; broker and cache are the session's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import redis
from eventually import eventually
from pipeline import Pipeline, stories
from postgres_server import Server, a_server, on_a_small_disk
from prometheus_client import REGISTRY
from sqlalchemy import text
from structlog.testing import capture_logs

from deploy.cli import main
from deploy.embedded import postgres
from storage.absence import unwritable
from storage.connection import connect
from storage.schema import migrate
from stream.topics import Topics

MakePipeline = Callable[[str], Pipeline]


@pytest.fixture
def pipeline_on(bootstrap: str, topics: Topics, redis_client: redis.Redis, tmp_path: Path) -> MakePipeline:
    """A pipeline whose books are at a URL, migrated."""

    def make(url: str) -> Pipeline:
        engine = connect(url)
        migrate(engine)
        return Pipeline(bootstrap, topics, engine, redis_client, tmp_path)

    return make


def waiting(reason: str) -> bool:
    return REGISTRY.get_sample_value("yuqing_waiting", {"service": "database", "reason": reason}) == 1


@pytest.mark.long
def test_a_database_that_is_killed_in_mid_stream_is_waited_for(pipeline_on: MakePipeline, tmp_path: Path) -> None:
    with a_server(tmp_path / "own") as server:
        pipeline = pipeline_on(server.url)
        with pipeline.scoring(), pipeline.windows():
            for round_ in range(2):
                pipeline.publish(stories(400, start=500 * round_))
                eventually(lambda done=500 * round_: pipeline.accounted() > done)
                server.kill()
                pipeline.publish(stories(100, start=500 * round_ + 400))
                eventually(lambda: waiting("unreachable"))
                server.start()
            pipeline.settle()
    assert not waiting("unreachable")


@pytest.mark.long
def test_connections_that_others_have_used_up_are_waited_for(
    pipeline_on: MakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres._OPTIONS, "max_connections", "12")
    with a_server(tmp_path / "own") as server, capture_logs() as logs:
        pipeline = pipeline_on(server.url)
        with pipeline.scoring(), pipeline.windows(), ExitStack() as others:
            pipeline.publish(stories(50))
            pipeline.settle()
            hog_until_full(server, others)
            pipeline.publish(stories(50, start=50))
            eventually(lambda: waiting("too_many_connections"))
            others.close()
            pipeline.settle()
    assert "too_many_connections" in {one.get("reason") for one in logs if one["event"] == "database_unreachable"}


def hog_until_full(server: Server, others: ExitStack) -> None:
    """Others take every connection, those that the pipeline holds included."""
    boss = others.enter_context(psycopg.connect(server.url, autocommit=True))
    full = 0
    while full < 20:
        boss.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yuqing'")
        try:
            others.enter_context(psycopg.connect(server.url, application_name="others"))
        except psycopg.OperationalError:
            full += 1


def test_a_full_disk_is_waited_out_and_said(
    pipeline_on: MakePipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with on_a_small_disk(tmp_path / "own", monkeypatch, mib=150) as (server, ballast), capture_logs() as logs:
        pipeline = pipeline_on(server.url)
        with pipeline.scoring(), pipeline.windows():
            pipeline.publish(stories(100))
            pipeline.settle()
            fill(ballast)
            assert unwritable(pipeline.engine) == "disk_full"
            pipeline.publish(stories(3000, start=100))
            eventually(lambda: waiting("disk_full"), 60)
            monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", pipeline.bootstrap)
            monkeypatch.setenv("YUQING_DATABASE__URL", server.url)
            monkeypatch.setenv("YUQING_REDIS__URL", redis_url)
            for command in ("status", "doctor"):
                assert main([command, "--state", str(tmp_path)]) == 1
                told = capsys.readouterr().out
                assert "takes no writes: disk full" in told
                assert "make room" in told
            ballast.unlink()
            pipeline.settle(120)
        assert unwritable(pipeline.engine) is None
    assert "disk_full" in {one.get("reason") for one in logs if one["event"] == "database_unreachable"}


def test_a_disk_too_full_for_the_write_ahead_log_brings_the_server_down_and_it_recovers(
    pipeline_on: MakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_a_small_disk(tmp_path / "own", monkeypatch, mib=150) as (server, ballast):
        pipeline = pipeline_on(server.url)
        with pipeline.scoring(), pipeline.windows():
            pipeline.publish(stories(100))
            eventually(lambda: pipeline.accounted() > 0)
            fill(ballast)
            with pytest.raises(psycopg.OperationalError):
                fill_write_ahead_log(server)
            pipeline.publish(stories(200, start=100))
            eventually(lambda: waiting("unreachable") or waiting("starting_up") or waiting("disk_full"))
            ballast.unlink()
            pipeline.settle(120)


def fill(ballast: Path) -> None:
    """Writes until the file system takes no more."""
    for size in (1 << 20, 1 << 10):
        with pytest.raises(OSError, match="No space left"):
            append_for_ever(ballast, bytes(size))


def append_for_ever(file: Path, block: bytes) -> None:
    with file.open("ab", buffering=0) as output:
        while True:
            output.write(block)


def fill_write_ahead_log(server: Server) -> None:
    """Begins segment after segment of the log, until the server cannot make another and gives up."""
    for _ in range(100):
        server.run("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 10000))")
        server.run("SELECT pg_switch_wal()")


def promoted(primary: Server, standby: Server) -> None:
    primary.kill()
    standby.run("SELECT pg_promote(wait => true)")


def test_a_standby_that_missed_the_last_commits_takes_over_and_they_are_read_again(
    pipeline_on: MakePipeline, tmp_path: Path
) -> None:
    """Asynchronous replication: what the primary had committed is gone, with the positions that said so."""
    with a_server(tmp_path / "one") as one, ExitStack() as ending:
        migrate(connect(one.url))
        two = one.standby(tmp_path / "two")
        ending.callback(two.stop)
        pipeline = pipeline_on(one.url.replace(f":{one.port}/", f":{one.port},127.0.0.1:{two.port}/"))
        with capture_logs() as logs, pipeline.scoring(), pipeline.windows():
            pipeline.publish(stories(200))
            pipeline.settle()
            one.wait_for(two)
            two.run("ALTER SYSTEM SET primary_conninfo = ''")
            two.run("SELECT pg_reload_conf()")
            eventually(lambda: two.run("SELECT count(*) FROM pg_stat_wal_receiver")[0][0] == 0)
            for turn in range(4):  # each minute gets more revisions than it will when all is read again at once
                pipeline.publish(stories(200, start=200)[turn::4])
                pipeline.settle()
            sums = pipeline.sums()
            promoted(one, two)
            assert two.run("SELECT count(*) FROM documents") == [(200,)], "the standby has missed the rest"
            eventually(lambda: pipeline.accounted() == 400, 60, what="a quiet topic is read again")
            pipeline.settle()
            assert [row[:11] for row in pipeline.sums()] == [row[:11] for row in sums]
            pipeline.publish(stories(100, start=400))
            pipeline.settle()
        assert "books_went_back" in {entry["event"] for entry in logs}
        assert pipeline.scalar("SELECT count(*) FROM documents") == 500


@pytest.mark.long
def test_books_that_go_back_under_a_busy_stream_are_read_again(pipeline_on: MakePipeline, tmp_path: Path) -> None:
    """The same, while documents keep coming: the first one booked after the failover finds the position moved back."""
    with a_server(tmp_path / "one") as one, ExitStack() as ending:
        migrate(connect(one.url))
        two = one.standby(tmp_path / "two")
        ending.callback(two.stop)
        pipeline = pipeline_on(one.url.replace(f":{one.port}/", f":{one.port},127.0.0.1:{two.port}/"))
        with pipeline.scoring(), pipeline.windows():
            pipeline.publish(stories(300))
            eventually(lambda: pipeline.accounted() > 0)
            two.run("ALTER SYSTEM SET primary_conninfo = ''")
            two.run("SELECT pg_reload_conf()")
            pipeline.publish(stories(600, start=300))
            eventually(lambda: pipeline.accounted() > 500)
            pipeline.publish(stories(600, start=900))
            promoted(one, two)
            pipeline.settle(90)
        assert pipeline.scalar("SELECT count(*) FROM documents") == 1500


@pytest.mark.long
def test_a_synchronous_standby_takes_over_and_nothing_need_be_read_again(
    pipeline_on: MakePipeline, tmp_path: Path
) -> None:
    with a_server(tmp_path / "one") as one, ExitStack() as ending:
        migrate(connect(one.url))
        two = one.standby(tmp_path / "two")
        ending.callback(two.stop)
        one.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        one.run("SELECT pg_reload_conf()")
        pipeline = pipeline_on(one.url.replace(f":{one.port}/", f":{one.port},127.0.0.1:{two.port}/"))
        with capture_logs() as logs, pipeline.scoring(), pipeline.windows():
            pipeline.publish(stories(1000))
            eventually(lambda: pipeline.accounted() > 300)
            known = pipeline.accounted()
            promoted(one, two)
            assert two.run("SELECT sum(stored + repeated + dead)::int FROM ledger")[0][0] >= known
            pipeline.settle(90)
        assert "books_went_back" not in {entry["event"] for entry in logs}


@pytest.mark.long
def test_a_session_whose_server_is_no_longer_the_primary_is_left(pipeline_on: MakePipeline, tmp_path: Path) -> None:
    """A pooler, or a demotion that keeps sessions alive: what was the primary refuses writes."""
    with a_server(tmp_path / "own") as server:
        pipeline = pipeline_on(server.url)
        with pipeline.scoring(), pipeline.windows():
            pipeline.publish(stories(20))
            pipeline.settle()
            for session in [pipeline.engine.connect() for _ in range(4)]:
                session.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
                session.commit()
                session.close()
            pipeline.publish(stories(20, start=20))
            pipeline.settle()
