"""The alert engine: takes changed buckets, judges them, and writes what follows, in one transaction each time.

    1  advisory lock of this transaction: whoever has it is the active engine; another one waits its turn
    2  the low watermark, read before anything else, once a round: whatever is complete by it has been committed by now
    3  look at jobs in changed_buckets, without a lock: ingest never waits while an engine thinks
    4  counts, findings, episodes
    5  alerts, history, deliveries; all jobs go on the lists of rules too
    6  cross off the jobs that ingest has not touched since 3, but for those that are to be judged later; commit

When no job is left, the operator's rules take what is due from their lists: alerts, history, deliveries, commit.

What if we die here? Before a commit nothing has happened and the jobs are on the list. After it the outbox has it all.

A bucket b is judged once the watermark has reached b - guard: then the baseline, which ends there, is complete, and
the count that ends with b can only grow. So no alarm depends on batches, speed or crashes. What does not grow, a share
or a mean, is judged once b itself is complete (a guard below 0): its jobs wait on the list, and are taken once more.

A round goes by the watermark it began with. What is counted meanwhile behind the place it has reached lies above that
watermark, and a round that went by a newer one would call over what those buckets belong to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection, Engine, func, select

from alerts import metrics
from alerts.answers import alert_rows
from alerts.answers.holding import Holding
from alerts.bell import TRENDS, Bell
from alerts.delivery.announcing import Destination
from alerts.detection.counts import StoredCounts
from alerts.detection.detectors import Detector
from alerts.detection.judging import Known, judge
from alerts.detection.lifecycle import Change, resolved
from alerts.detection.portions import portions
from alerts.detection.series import minute_of
from alerts.detection.work import Job, Work, cross_off, look_at
from alerts.errors import WrongSettingError
from alerts.patience import Patience
from alerts.recording import Gather, record
from alerts.rests import rest_s
from alerts.rules.desk import RuleDesk, check_quiet
from alerts.rules.rule import Rule
from alerts.rules.work import forget_others
from storage.heartbeat import beating
from storage.tables import alerts
from storage.watermarks import look, low_watermark

__all__ = ["LOCK", "AlertEngine", "Clock", "Timing"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""

_log = structlog.get_logger()

LOCK = 0x797571696E67  # "yuqing": one number for all engines of a database
_BEGINNING: Job = (0, "")
_ACTIVE = select(func.count()).select_from(alerts).where(alerts.c.status != "resolved")


@dataclass(frozen=True)
class Timing:
    """How the engine deals with event time.

    `allowed_lateness` and `idle_after` are those of the windows stage. `quiet` ends an episode; it may not be shorter
    than the guard of the detectors, so that an episode which could still begin earlier is never behind a younger one.
    """

    allowed_lateness: timedelta = timedelta(hours=1)
    idle_after: timedelta = timedelta(minutes=1)
    quiet: timedelta = timedelta(days=3)


class AlertEngine:
    """One engine; any number may run, one at a time is active. Database outages are waited out, other errors raised.

    `jobs_at_once` bounds a transaction: 2,000 buckets are judged in a fraction of a second. Raises WrongSettingError
    where guard, quiet time and allowed lateness do not fit together. `holding` says which alerts are not told at once.
    """

    def __init__(
        self,
        engine: Engine,
        detectors: Sequence[Detector],
        endpoints: Sequence[Destination],
        *,
        clock: Clock,
        timing: Timing | None = None,
        poll_s: float = 1.0,
        jobs_at_once: int = 2000,
        holding: Holding | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        self._engine = engine
        self._detectors = tuple(detectors)
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._timing = timing or Timing()
        prompt = [detector for detector in self._detectors if detector.guard_min >= 0]
        self._guard_min = _guard(prompt, self._timing)
        self._waits = min((0, *(detector.guard_min for detector in self._detectors)))
        self._poll_s = poll_s
        self._jobs_at_once = jobs_at_once
        self._holding = holding or Holding()
        check_quiet(rules, self._timing.allowed_lateness)
        self._rules = RuleDesk(rules, self._guard_min, _known)
        self._ended_at: int | None = None
        self._moved = False  # an alert, since what is quiet was ended up to that minute

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set, woken by ingest's commits, at the latest after `poll_s` seconds.

        After each round it rests (`rest_s`): what rings meanwhile is judged together.
        """
        patience = Patience("alerts", stop)
        with Bell(self._engine, TRENDS, self._poll_s) as bell:
            while not stop.is_set():
                bell.listen()
                began = self._clock()
                patience.run(self.once)
                stop.wait(rest_s(self._clock() - began, times=1))
                bell.wait(stop)

    def once(self) -> int:
        """One round: every job that can be judged now, then what has gone quiet; returns how many jobs it took."""
        complete: int | None = None
        after, taken = _BEGINNING, 0
        with self._engine.begin() as connection:  # on its own: ingest locks in another order
            look(connection, now=self._clock(), idle_after=self._timing.idle_after)
        while True:
            with self._engine.begin() as connection, beating(connection), metrics.judging_seconds.time():
                complete = self._begin(connection, complete)
                if complete is None:
                    return taken
                work = self._look_at(connection, complete, after)
                if work.jobs:
                    self._settle(connection, work, complete)
                ended = not work.jobs and not self._rule(connection, complete)
                if ended and (self._moved or complete != self._ended_at):
                    self._end_quiet(connection, complete)
                if ended:
                    metrics.alerts_active.set(connection.execute(_ACTIVE).scalar_one())
            if ended:
                self._ended_at, self._moved = complete, False
                return taken
            if work.jobs:
                after = work.last
                taken += len(work.jobs)
                metrics.buckets_judged.inc(len(work.jobs))

    def _begin(self, connection: Connection, known: int | None) -> int | None:
        """The minute up to which all is complete, as far as this round has `known`; None while another engine is at
        work, or nothing was read yet.
        """
        if not connection.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one():
            return None
        if known is not None:
            return known
        timing = self._timing
        low = low_watermark(
            connection, now=self._clock(), idle_after=timing.idle_after, allowed_lateness=timing.allowed_lateness
        )
        return minute_of(low) if low else None

    def _look_at(self, connection: Connection, complete: int, after: Job) -> Work:
        ready, waited = self._ready(complete), complete + self._waits
        return look_at(connection, ready=ready, waited=waited, after=after, most=self._jobs_at_once)

    def _ready(self, complete: int) -> int:
        return complete + self._guard_min

    def _settle(self, connection: Connection, work: Work, complete: int) -> None:
        later: set[Job] = set()
        stored = StoredCounts(connection)
        for detector in self._detectors:
            known = _known(connection, detector.name)
            for about, counts in portions(stored, detector, work.jobs, self._ready(complete)):
                verdict = judge(
                    detector, about, complete=complete, quiet=self._timing.quiet, counts=counts, known=known
                )
                self._record(connection, verdict.changes)
                later |= verdict.later
        self._rules.take(connection, work.jobs)
        waiting = {job for job in work.jobs if job[0] > complete + self._waits} if self._waits else set()
        cross_off(connection, work, later=later, waiting=waiting)

    def _rule(self, connection: Connection, complete: int) -> bool:
        """Judges by rules what is due; returns whether anything was."""
        due = list(self._rules.judge(connection, complete, self._jobs_at_once))
        for ruled in due:
            self._record(connection, ruled.changes, ruled.evidence)
        return bool(due)

    def _end_quiet(self, connection: Connection, complete: int) -> None:
        """Resolves what has been quiet for long enough; only when no job that could still belong to it is waiting.

        Also what a detector or rule found that is in the settings no more.
        """
        forget_others(connection, [rule.name for rule in self._rules.rules])
        quiet_min = int(self._timing.quiet.total_seconds() // 60)
        quiet = dict.fromkeys(alert_rows.detectors(connection), quiet_min)
        quiet |= {rule.detector: rule.quiet_min for rule in self._rules.rules}
        changes = [
            Change(episode, resolved(episode))
            for detector, minutes in sorted(quiet.items())
            for episodes in alert_rows.quiet_since(connection, detector, complete - minutes).values()
            for episode in episodes
        ]
        self._record(connection, changes)

    def _record(self, connection: Connection, changes: Sequence[Change], gather: Gather | None = None) -> None:
        if not changes:
            return
        self._moved = True
        record(connection, changes, self._endpoints, self._clock(), self._holding, gather)
        for change in changes:
            for event in change.events:
                after = change.after
                _log.info(
                    event.replace(".", "_"),
                    alert_id=str(after.alert_id),
                    entity=after.entity_id,
                    severity=after.severity,
                    observed=after.peak.observed,
                )


def _known(connection: Connection, detector: str) -> Known:
    return partial(alert_rows.near, connection, detector)


def _guard(detectors: Sequence[Detector], timing: Timing) -> int:
    """How many minutes ahead of the watermark every detector may judge."""
    guard_min = min((detector.guard_min for detector in detectors), default=0)
    guard = timedelta(minutes=guard_min)
    if detectors and guard <= timing.allowed_lateness:
        fix = (
            f"make it longer than the allowed lateness, {timing.allowed_lateness}, or every alarm waits for later news"
        )
        raise WrongSettingError("guard_min", guard_min, fix)
    if timing.quiet < guard:
        raise WrongSettingError("quiet", str(timing.quiet), f"make it at least the guard, {guard}")
    return guard_min
