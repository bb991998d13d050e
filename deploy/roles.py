"""One function per role: it builds the role's parts from settings and runs them until told to stop.

Here, and only here, settings become plain values and the real clock is named. Rooms are imported when their role
runs: the scorer needs no web server, the source no model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from deploy.clock import SteadyClock, now
from deploy.role_names import ROLES
from deploy.services import Services, topics_of
from deploy.settings import Settings
from deploy.threads import Part, run_together
from deploy.watch_lists import follower

__all__ = ["RUN_ROLE", "RunRole", "now", "roles_for"]

_log = structlog.get_logger()

RunRole = Callable[[Settings, Services, threading.Event], None]


def roles_for(settings: Settings) -> tuple[str, ...]:
    """The roles that `yuqing up` runs: all, but no source where none is configured, and no console where it is off."""
    off = {"source": not settings.sources, "console": not settings.console.enabled}
    return tuple(role for role in ROLES if not off.get(role))


def source(settings: Settings, services: Services, stop: threading.Event) -> None:
    """Every configured source, each in a thread; one that fails is tried again and does not hold up the others."""
    from stream.publisher import Publisher
    from stream.sources import build

    state = settings.state_folder / "sources"
    steady = SteadyClock()  # sources wait by it: for a host, for a pace
    with Publisher(services.kafka, topics_of(settings)) as sink:
        parts: dict[str, Part] = {}
        for one in settings.sources:
            options = one.options.get_secret_value()
            make = partial(build, one.kind, options, sink, name=one.name, state=state, clock=steady)
            parts[one.name] = partial(_kept_running, one.name, make)
        run_together(parts, stop)
    stop.wait()  # a replay has an end, a role has none


def scorer(settings: Settings, services: Services, stop: threading.Event) -> None:
    """Reads raw documents, scores them by the watch list in force and publishes the outcomes."""
    import redis

    from deploy.engine_watch import count_event
    from deploy.intake_parts import open_intake
    from deploy.weights import weights_folder
    from model.classifier import Classifier
    from model.engine_choice import usable_cores
    from storage.connection import connect
    from stream.novelty import StoryIndex
    from stream.scorer import Scorer
    from stream.story_restore import StoryRestore

    chosen = settings.model
    classifier = Classifier.load(
        weights_folder(settings), engine=chosen.engine, threads=chosen.threads, on_event=count_event
    )
    spare = usable_cores() - classifier.passes
    books = connect(services.database_url, pool_size=1)  # for the watch list, and a story index that Redis has lost
    listed = follower(books, settings, stop)
    if listed is None:
        return
    with (
        redis.Redis.from_url(services.redis_url) as cache,
        open_intake(settings, listed.entities, spare, now) as intake,
    ):
        window = timedelta(days=settings.intake.story_days)
        restore = StoryRestore(services.kafka, topics_of(settings).scored, books, keep=window, clock=now, stop=stop)
        stories = StoryIndex(cache, prefix=settings.redis.prefix, window=window, restore=restore)
        scoring = Scorer(
            services.kafka,
            topics_of(settings),
            f"{settings.kafka.group}-scorer",
            intake,
            stories,
            classifier,
            token_budget=chosen.token_budget or classifier.token_budget,
            deadline_ms=chosen.deadline_ms,
            clock=SteadyClock(),
        )
        run_together({"scorer": scoring.run, "watch-list": lambda _: listed.follow(intake.renew)}, stop)
    books.dispose()


def windows(settings: Settings, services: Services, stop: threading.Event) -> None:
    """Books scored documents and dead letters in PostgreSQL and sets the hot windows in Redis."""
    import redis

    from storage.connection import connect
    from storage.hot_windows import HotWindows
    from storage.ingest import Ingest
    from storage.watchlist_table import sync
    from stream.windows import build_app, serve

    engine = connect(services.database_url, pool_size=settings.database.pool)
    listed = follower(engine, settings, stop)
    if listed is None:
        return
    sync(engine, listed.entities)
    ingest = Ingest(
        engine,
        allowed_lateness=timedelta(seconds=settings.windows.allowed_lateness_s),
        idle_after=timedelta(seconds=settings.windows.idle_after_s),
        clock=now,
    )
    with redis.Redis.from_url(services.redis_url) as cache:
        hot = HotWindows(cache, prefix=settings.redis.prefix, keep=timedelta(hours=settings.windows.hot_hours))
        make = partial(
            build_app,
            services.kafka,
            topics_of(settings),
            f"{settings.kafka.group}-windows",
            ingest,
            hot,
            batch_size=settings.windows.batch_size,
            data_dir=settings.state_folder / "windows",
            clock=now,
        )
        names = partial(sync, engine)
        run_together({"windows": partial(serve, make), "watch-list": lambda _: listed.follow(names)}, stop)
    engine.dispose()


def alerts(settings: Settings, services: Services, stop: threading.Event) -> None:
    """Judges changed buckets, keeps alerts, and delivers them."""
    from deploy.alert_parts import alert_parts
    from storage.connection import connect

    books = connect(services.database_url, pool_size=1)
    listed = follower(books, settings, stop)
    books.dispose()
    if listed is None:
        return
    with alert_parts(settings, services, len(listed.entities), now) as parts:
        run_together(parts, stop)


def scheduler(settings: Settings, services: Services, stop: threading.Event) -> None:
    """Runs the daily and hourly chores, and asks for the words behind alerts."""
    from deploy.alert_parts import explaining_parts
    from deploy.schedule import run_schedule

    def chores(stop: threading.Event) -> None:
        run_schedule(settings, services, stop, now)

    with explaining_parts(settings, services, now) as explaining:
        run_together({"chores": chores, **explaining}, stop)


def console(settings: Settings, services: Services, stop: threading.Event) -> None:
    """Serves the HTTP API and the console."""
    from deploy.console_parts import console_parts

    with console_parts(settings, services, now) as parts:
        run_together(parts, stop)


RUN_ROLE: Mapping[str, RunRole] = {
    "source": source,
    "scorer": scorer,
    "windows": windows,
    "alerts": alerts,
    "scheduler": scheduler,
    "console": console,
}


def _kept_running(name: str, make: Callable[[], Any], stop: threading.Event) -> None:
    """Runs a source; after a failure, which only an operator can mend, again, ever more slowly."""
    from stream.errors import StreamError

    delay_s = 1.0
    while not stop.is_set():
        try:
            make().run(stop)
            return
        except StreamError as failure:
            _log.error("source_failed", source=name, error=str(failure), again_in_s=delay_s)
        stop.wait(delay_s)
        delay_s = min(delay_s * 2, 300.0)
