"""The demonstration from start to verdict. `play` reads like the list of its steps."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import redis
from rich.console import Console
from rich.text import Text
from sqlalchemy import Engine

from deploy.demo.books import read_books, tipped_at, trend_lines
from deploy.demo.feed import FeedError
from deploy.demo.newsroom import SEED, Edition, edition
from deploy.demo.opening import Opened, opened, sole_run
from deploy.demo.performance import Performance
from deploy.demo.progress import Board
from deploy.demo.report import Percentiles, Report, percentiles, show
from deploy.demo.terminal import logs_into
from deploy.demo.verdict import differences
from deploy.demo.watching import StalledError
from deploy.lifeline import stop_on_signals
from deploy.logs import configure_logs
from deploy.roles import now, roles_for
from deploy.services import topics_of
from deploy.up import running_system
from storage.audit import audit
from storage.connection import connect
from storage.hot_windows import HotWindows
from storage.trends import latency_ms
from stream.topics import spans

__all__ = ["play"]

_INTERRUPTED = 130
_PLAIN_WIDTH = 100


def play(*, fresh: bool, keep: bool, as_json: bool, state_folder: Path) -> int:
    """Shows the whole pipeline at work; see `deploy.demo.demo`. Its own state lies in `demo` below `state_folder`."""
    began, stop = time.monotonic(), threading.Event()
    folder = (state_folder / "demo").resolve()
    # A second signal changes nothing: to leave at once would leave Kafka and PostgreSQL behind.
    stop_on_signals(stop, threading.Event())
    with sole_run(folder), logs_into(folder / "demo.log") as terminal:
        configure_logs(role="demo")
        console = Console(file=terminal)
        console.print(Text(f"Starting Apache Kafka, PostgreSQL and Redis below {folder} ..."), soft_wrap=True)
        with opened(folder, console, fresh=fresh) as stage:
            stream = edition(SEED, now())
            with running_system(stage.settings, roles_for(stage.settings), config=stage.config):
                report = _shown(stage, stream, console, stop, began)
                if report is None:
                    console.print("Interrupted; everything is being stopped.")
                    return _INTERRUPTED
                if as_json:
                    print(json.dumps(report.as_json(), ensure_ascii=False), flush=True)
                else:
                    show(report, Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PLAIN_WIDTH))
                if keep:
                    _stay(stage, console, stop)
            if report.problems:
                console.print(Text(f"The log of all roles: {folder / 'demo.log'}"), soft_wrap=True)
            return 1 if report.problems else 0


def _shown(stage: Opened, stream: Edition, console: Console, stop: threading.Event, began: float) -> Report | None:
    """Plays the stream and measures; None when it was interrupted."""
    engine = connect(stage.stage.database_url, pool_size=2)
    problems: list[str] = []
    try:
        with Board(console, stream.truth.records) as board:
            performance = Performance(stage, stream, engine, board, stop)
            try:
                if not performance.play():
                    return None
            except (FeedError, StalledError) as failure:
                problems.append(str(failure))
        return _measured(stage, stream, engine, performance, problems, began)
    finally:
        engine.dispose()


def _measured(
    stage: Opened, stream: Edition, engine: Engine, performance: Performance, problems: list[str], began: float
) -> Report:
    """The figures as the books, the receiver and the audit tell them."""
    audited = _audited(stage, engine)
    alerts, since = stage.inbox.alerts(), performance.live_since
    with engine.connect() as connection:
        books = read_books(connection, crisis_entity=stream.crisis_entity)
        row_ms = latency_ms(connection, since=since) if since else {}
        lines = trend_lines(connection, entity=stream.crisis_entity)
    problems += differences(
        stream.truth,
        books,
        crisis_entity=stream.crisis_entity,
        alerted=[alert.entity for alert in alerts],
        refused_webhooks=stage.receiver.unsigned,
        audit=audited,
    )
    return Report(
        documents=books.documents,
        scored=performance.tally.scored,
        dead_letters=books.counted.dead,
        trend_rows=books.trend_rows,
        alerts=alerts,
        row_ms=Percentiles(**{name: round(value, 1) for name, value in row_ms.items()}) if row_ms else None,
        webhook_ms=percentiles(_webhook_latencies(stage, engine, since)),
        live_per_second=round(performance.live_per_second, 1),
        seconds=round(time.monotonic() - began, 1),
        engine=_engine(stage, books.engines),
        versions=stage.versions,
        repeated=books.counted.repeated,
        dead=books.dead,
        stream={**asdict(stream.truth), "dead_letters": stream.truth.dead_letters},
        trends=tuple(lines),
        problems=tuple(problems),
    )


def _webhook_latencies(stage: Opened, engine: Engine, since: datetime | None) -> list[float]:
    """Milliseconds from the arrival of the document that tipped an alarm, or raised it further, to its webhook.

    Only of alarms that documents of the live part, from `since` on, have tipped.
    """
    found: list[float] = []
    if since is None:
        return found
    with engine.connect() as connection:
        for arrival in stage.inbox.arrivals:
            tipped = tipped_at(connection, entity=arrival.alert.entity, opened_at=arrival.decided_at)
            if tipped is not None and tipped >= since and arrival.event != "alert.resolved":
                found.append((arrival.received_at - tipped).total_seconds() * 1000)
    return found


def _audited(stage: Opened, engine: Engine) -> list[str]:
    topics, kafka = topics_of(stage.settings), stage.settings.kafka.bootstrap
    incoming, read = spans(kafka, *topics.incoming), spans(kafka, topics.scored, topics.dead)
    prefix = stage.settings.redis.prefix
    with redis.Redis.from_url(stage.settings.redis.url.get_secret_value()) as cache:
        hot = HotWindows(cache, prefix=prefix, keep=timedelta(hours=stage.settings.windows.hot_hours))
        return audit(engine, hot, incoming, read).differences


def _engine(stage: Opened, versions: tuple[str, ...]) -> str:
    from model.engine_choice import choose_engine

    runtime = {"onnx": "onnxruntime int8", "cuda": "torch int8 on a GPU", "torch": "torch on the CPU"}[
        choose_engine(stage.settings.model.engine).name
    ]
    return f"{runtime}, {', '.join(versions) or 'no model'}"


def _stay(stage: Opened, console: Console, stop: threading.Event) -> None:
    """Keeps everything running, and says how to look at it, until told to stop."""
    console.print(
        Text(
            "Everything stays up until Ctrl-C. Look around in another terminal:\n"
            f"  export YUQING_CONFIG={stage.config}\n"
            "  yuqing status; yuqing alerts list; yuqing dead-letters list; yuqing audit\n"
            "The URL of the database is in that file."
        )
    )
    stop.wait()
