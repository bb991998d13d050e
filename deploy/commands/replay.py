"""`yuqing replay`: stored documents go on documents.raw, as any source would put them, or on documents.backfill."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import structlog

from deploy.lifeline import stop_on_signals
from deploy.logs import configure_logs
from deploy.output import emit
from deploy.role_process import running_roles
from deploy.services import Services, open_services, prepare, topics_of
from deploy.settings import Settings

__all__ = ["replay_files"]

_log = structlog.get_logger()
_READERS = {"scorer", "windows", "alerts"}
_AWAY_S = 60


def replay_files(
    settings: Settings,
    files: Sequence[Path],
    *,
    speed: float | None,
    restart: bool,
    backfill: bool,
    wait: bool | None,
    run: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Publishes the files; returns 0 when all of it was published (and settled, with `wait` or `run`), else 1.

    `wait` None means: where the roles run, so that somebody reads what is waited for.
    Raises ReplayError, EmbeddedError and the errors of the schema.
    """
    from stream.publisher import Publisher
    from stream.sources.replay import Replay

    configure_logs(format=settings.logs.format, level=settings.logs.level, role="replay")
    stop = threading.Event()
    stop_on_signals(stop)
    began = monotonic()
    with _services(settings, run=run, config=config) as services:
        if not prepare(settings, services, stop):
            return 1
        with Publisher(services.kafka, topics_of(settings), backfill=backfill) as sink:
            from deploy.roles import now

            state = settings.state_folder / "replay"
            source = Replay(files, sink, state=state, clock=now, speed=speed, restart=restart, progress=True)
            report = source.replay(stop)
        finished = report.finished
        if wait is None:
            wait = {one.role for one in running_roles(settings.state_folder)} >= _READERS
        if finished and (wait or run):
            finished = _settle(settings, services, stop)
    result = {
        "items": report.items,
        "published": report.published,
        "skipped": report.skipped,
        "bad_lines": report.bad_lines,
        "publish_seconds": round(report.seconds, 3),
        "seconds": round(monotonic() - began, 3),
        "finished": finished,
    }
    emit(result, as_json, _worded)
    return 0 if finished else 1


@contextmanager
def _services(settings: Settings, *, run: bool, config: Path | None) -> Iterator[Services]:
    if not run:
        with open_services(settings) as services:
            yield services
        return
    from deploy.roles import roles_for
    from deploy.up import running_system

    roles = [role for role in roles_for(settings) if role != "source"]
    with running_system(settings, roles, config=config) as services:
        yield services


def _settle(settings: Settings, services: Services, stop: threading.Event) -> bool:
    """Waits for the roles. A broker or database that is away for a minute has probably been stopped for good."""
    from sqlalchemy.exc import OperationalError
    from tenacity import retry, retry_if_exception_type, sleep_using_event, stop_after_delay, wait_random_exponential

    from deploy.backlog import Backlog, backlog, wait_until_settled
    from storage.connection import connect
    from stream.topics import TopicsError

    engine = connect(services.database_url, pool_size=1)

    @retry(
        retry=retry_if_exception_type((OperationalError, TopicsError)),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        stop=stop_after_delay(_AWAY_S),
        sleep=sleep_using_event(stop),
        reraise=True,
    )
    def look() -> Backlog:
        return backlog(engine, services.kafka, topics_of(settings))

    _log.info("replay_waits", hint="for scorer, windows and alerts; Ctrl-C leaves them to it")
    try:
        return wait_until_settled(look, stop)
    finally:
        engine.dispose()


def _worded(result: dict[str, Any]) -> str:
    rate = result["items"] / result["publish_seconds"] if result["publish_seconds"] else 0
    lines = [f"{result['items']:,} items read, {result['published']:,} published, {rate:,.0f} a second."]
    if result["skipped"]:
        lines.append(f"{result['skipped']:,} had been published by an earlier run; --restart begins anew.")
    if result["bad_lines"]:
        lines.append(f"{result['bad_lines']:,} lines are no documents; see `yuqing dead-letters list`.")
    if not result["finished"]:
        lines.append("Stopped before the end; the same command goes on there.")
    return "\n".join(lines)
