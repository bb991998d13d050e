"""kill -9 of the scorer and of the windows worker in mid-stream, then a restart: nothing is lost, nothing doubled.

Deaths at random are the business of tests/faults. Here the gaps between durable effects are hit on purpose: the
scorer dies before its outcomes are produced, and after they are acknowledged but before the offsets are committed; the
windows worker before the commit of PostgreSQL, and after it but before the commit of Kafka and the setting of Redis.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from eventually import eventually
from pipeline import Pipeline, stories
from sqlalchemy import Engine

import stream.windows
from stream.topics import Topics

TESTS = Path(__file__).parent.parent
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


@pytest.fixture
def start(pipeline: Pipeline, topics: Topics, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts workers as processes; none outlives the test."""
    settings = {
        "bootstrap": pipeline.bootstrap,
        "prefix": topics.raw.removesuffix(Topics().raw),
        "database": database_url,
        "redis": redis_url,
        "folder": str(tmp_path),
    }
    running: list[subprocess.Popen[bytes]] = []

    def start(role: str, death: str = "never") -> subprocess.Popen[bytes]:
        command = [sys.executable, str(TESTS / "worker.py"), role, death, json.dumps(settings)]
        environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def join_again(app: Any) -> None:
    """Has the worker ask for a new generation, and commit all it has read once more while the others are waited for."""
    thread, joined = app.consumer._thread, app.rebalancing_count
    consumer = thread._consumer
    app.consumer._committed_offset.clear()
    thread.thread_loop.call_soon_threadsafe(consumer._coordinator.request_rejoin)
    eventually(
        lambda: app.rebalancing_count > joined and not consumer._subscription.reassignment_in_progress,
        60,
        what="a new generation",
    )


def outcomes(pipeline: Pipeline) -> int:
    return pipeline.count(pipeline.topics.scored) + pipeline.count(pipeline.topics.dead)


def died_by_itself(process: subprocess.Popen[bytes]) -> None:
    assert process.wait(90) == -signal.SIGKILL


@pytest.mark.parametrize("death", ["before_produce", "after_produce"])
def test_the_scorer_dies_between_its_durable_effects(pipeline: Pipeline, start: Start, death: str) -> None:
    pipeline.publish(stories(600))
    died_by_itself(start("scorer", death))
    with pipeline.scoring(), pipeline.windows():
        pipeline.settle(90)
    assert pipeline.scalar("SELECT count(*) FROM documents") == 600


@pytest.mark.parametrize("death", ["before_commit", "after_commit"])
def test_the_windows_worker_dies_between_its_durable_effects(pipeline: Pipeline, start: Start, death: str) -> None:
    pipeline.publish(stories(600))
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 600, 60)
    died_by_itself(start("windows", death))
    assert 0 < pipeline.accounted() < 600
    with pipeline.windows():
        pipeline.settle(90)
    assert pipeline.scalar("SELECT count(*) FROM documents") == 600


def test_a_worker_told_to_stop_finishes_its_batch_and_leaves(pipeline: Pipeline, start: Start) -> None:
    pipeline.publish(stories(300))
    with pipeline.scoring():
        eventually(lambda: outcomes(pipeline) == 300, 60)
    windows = start("windows")
    eventually(lambda: pipeline.accounted() > 0, 60)
    windows.send_signal(signal.SIGTERM)
    assert windows.wait(30) == 0
    assert pipeline.scalar("SELECT sum(next_offset) FROM positions") == pipeline.accounted()


def test_commits_do_not_keep_a_group_from_agreeing(
    pipeline: Pipeline, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit sent while the group is being joined must not begin the next joining: nobody would ever read again."""
    usual = stream.windows._faust_settings
    monkeypatch.setattr(
        stream.windows, "_faust_settings", lambda *given: usual(*given) | {"broker_commit_interval": 0.02}
    )
    with pipeline.scoring(), pipeline.windows() as app:
        pipeline.publish(stories(60))
        pipeline.settle()
        all_of_it = len(app.consumer.assignment())
        start("windows")
        eventually(lambda: 0 < len(app.consumer.assignment()) < all_of_it, 60, what="a share for the second worker")
        for _ in range(3):
            join_again(app)
        pipeline.publish(stories(60, start=60))
        pipeline.settle()
        agreed = app.rebalancing_count
        pipeline.publish(stories(60, start=120))
        pipeline.settle()
        assert app.rebalancing_count == agreed
