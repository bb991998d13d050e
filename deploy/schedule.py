"""The chores: partitions, finality, market days, retention, alerts' timers, the daily digest, drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]
from sqlalchemy import Engine

from deploy.clock import ClockWatch, SteadyClock, careful
from deploy.metrics import CHORES
from deploy.services import Services, topics_of
from deploy.settings import Settings

__all__ = ["Chores", "follow_clock", "run_schedule"]

_log = structlog.get_logger()

_DAYS_AHEAD = 3
_RETENTION_HOUR = 3
_LOOK_AT_CLOCK_S = 10.0
_TIMERS_S = 2
"""How late a snooze may end, or a silence's alerts be told."""
_FIGURES_S = 30


class Chores:
    """What is to be done now and then; each is harmless to repeat."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        clock: Callable[[], datetime],
        careful: Callable[[], datetime] | None = None,
    ) -> None:
        """`careful` is the clock for what cannot be undone: it does not follow a wall clock that is set forwards."""
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._careful = careful or clock

    def make_partitions(self) -> None:
        """Makes the day partitions of yesterday to three days from now."""
        from storage.partitions import ensure_days

        today = self._clock().date()
        with self._engine.begin() as connection:
            ensure_days(connection, [today + timedelta(days=offset) for offset in range(-1, _DAYS_AHEAD + 1)])

    def finalise(self) -> None:
        """Calls final what lies below the low watermark."""
        from storage.watermarks import advance

        windows = self._settings.windows
        with self._engine.begin() as connection:
            advance(
                connection,
                now=self._clock(),
                idle_after=timedelta(seconds=windows.idle_after_s),
                allowed_lateness=timedelta(seconds=windows.allowed_lateness_s),
            )

    def fill_market_sessions(self) -> None:
        """Takes over what market calendars say of this year and the next."""
        from deploy.market_days import fill_market_sessions

        fill_market_sessions(self._settings, self._engine, self._clock().date())

    def drop_old(self) -> None:
        """Drops documents and mentions beyond the retention."""
        from storage.retention import drop_before

        day = self._careful().date() - timedelta(days=self._settings.retention.days)
        dropped = drop_before(self._engine, day)
        _log.info("retention_done", before=day.isoformat(), dropped=dropped)

    def look_for_drift(self) -> None:
        """Compares the last day with what the model was measured on."""
        from deploy.drift_watch import look_for_drift

        look_for_drift(self._settings, self._engine, self._clock())

    def index_documents(self) -> None:
        """Makes what was stored lately searchable by its words."""
        from storage.search_index import index_waiting

        index_waiting(self._engine)

    def run_timers(self) -> None:
        """Wakes what was snoozed, tells what a silence held, reminds of what nobody answers."""
        from deploy.alert_parts import timers_of

        timers_of(self._settings, self._engine, self._clock).once()

    def send_digest(self) -> None:
        """Queues the digest of yesterday for every endpoint that wants it."""
        from deploy.alert_parts import send_digest

        send_digest(self._settings, self._engine, self._careful)

    def send_weekly_digest(self) -> None:
        """Queues the digest of the last seven days."""
        from deploy.alert_parts import send_weekly_digest

        send_weekly_digest(self._settings, self._engine, self._clock)


def run_schedule(settings: Settings, services: Services, stop: Event, clock: Callable[[], datetime]) -> None:
    """Runs the chores at their times until `stop`, finishing one that is under way."""
    import redis

    from deploy.store_watch import StoreWatch
    from storage.connection import connect
    from stream.loss_watch import LossWatch

    engine = connect(services.database_url, pool_size=2)
    steady = SteadyClock(clock)
    chores = Chores(settings, engine, clock, careful(clock, steady))
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": 3600})

    def add(name: str, work: Callable[[], object], trigger: str, **when: Any) -> None:
        scheduler.add_job(_reported(name, work), trigger, id=name, **when)

    add("partitions", chores.make_partitions, "interval", hours=1, next_run_time=clock())
    add("finality", chores.finalise, "interval", seconds=5)
    add("search", chores.index_documents, "interval", seconds=2)
    watch = LossWatch(services.kafka, engine, topics_of(settings), clock)
    add("losses", watch.look, "interval", minutes=1, next_run_time=clock())
    cache = redis.Redis.from_url(services.redis_url)
    add("figures", StoreWatch(engine, cache, clock).look, "interval", seconds=_FIGURES_S, next_run_time=clock())
    if settings.markets.calendars:
        add("markets", chores.fill_market_sessions, "interval", days=1, next_run_time=clock())
    add("alert-timers", chores.run_timers, "interval", seconds=_TIMERS_S)
    if settings.retention.days:
        add("retention", chores.drop_old, "cron", hour=_RETENTION_HOUR)
    if settings.digest.webhooks:
        add("digest", chores.send_digest, "cron", hour=settings.digest.hour)
    if settings.digest.weekly:
        when = {"day_of_week": settings.digest.weekday, "hour": settings.digest.hour}
        add("weekly-digest", chores.send_weekly_digest, "cron", **when)
    if settings.drift.profile is not None:
        add("drift", chores.look_for_drift, "cron", hour=settings.drift.hour)
    scheduler.start()
    _log.info("scheduler_started", chores=[job.id for job in scheduler.get_jobs()])
    watch_clock = ClockWatch(clock, steady)
    while not stop.wait(_LOOK_AT_CLOCK_S):
        if jump := watch_clock.jump():
            _log.error("clock_jumped", seconds=jump.total_seconds(), fix="run NTP (chrony); restart after a correction")
            follow_clock(scheduler.get_jobs(), clock())
    scheduler.shutdown(wait=True)
    cache.close()
    engine.dispose()


def follow_clock(jobs: Iterable[Any], now: datetime) -> None:
    """Plans jobs anew after the wall clock was set: set back by a day, what runs every 5 s would rest for a day."""
    for job in jobs:
        every = isinstance(job.trigger, IntervalTrigger)
        job.modify(next_run_time=now if every else job.trigger.get_next_fire_time(None, now))


def _reported(name: str, work: Callable[[], object]) -> Callable[[], None]:
    """A chore that fails is logged and counted, and comes round again; it never takes the scheduler with it."""
    for outcome in ("done", "failed"):
        CHORES.labels(name, outcome)  # from 0 on: Prometheus sees no rise in what begins at 1

    def run() -> None:
        try:
            work()
        except Exception as failure:
            CHORES.labels(name, "failed").inc()
            _log.error("chore_failed", chore=name, error=f"{type(failure).__name__}: {failure}".splitlines()[0])
        else:
            CHORES.labels(name, "done").inc()

    return run
