"""Clocks: durations do not follow a wall clock that is set, and what cannot be undone follows the earlier of two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from deploy.clock import ClockWatch, SteadyClock, careful, now
from deploy.schedule import follow_clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Machine:
    """A machine whose wall clock may be set."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set_by = timedelta()

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.passed) + self.set_by

    def passing(self) -> float:
        return 100.0 + self.passed


def test_a_steady_clock_passes_as_time_does_whatever_the_wall_says() -> None:
    machine = Machine()
    steady = SteadyClock(machine.wall, machine.passing)
    machine.passed = 60.0
    for machine.set_by in (DAY, -DAY, timedelta()):
        assert steady() == NOON + timedelta(minutes=1)
    assert abs(SteadyClock()() - now()) < timedelta(seconds=5)


def test_what_cannot_be_undone_follows_the_earlier_clock() -> None:
    machine = Machine()
    clock = careful(machine.wall, SteadyClock(machine.wall, machine.passing))
    machine.set_by = 400 * DAY
    assert clock() == NOON, "a year of documents is not dropped because a clock says so"
    machine.set_by = -DAY
    assert clock() == NOON - DAY


def test_a_wall_clock_that_is_set_is_noticed_once() -> None:
    machine = Machine()
    watch = ClockWatch(machine.wall, SteadyClock(machine.wall, machine.passing))
    machine.passed = 3600.0
    assert watch.jump() == timedelta()
    machine.set_by = -DAY
    assert watch.jump() == -DAY
    assert watch.jump() == timedelta()
    machine.set_by += timedelta(seconds=2)
    assert watch.jump() == timedelta(), "NTP corrects by seconds"


class Job(SimpleNamespace):
    def modify(self, *, next_run_time: datetime) -> None:
        self.next_run_time = next_run_time


def test_chores_are_planned_anew_when_the_clock_was_set_back() -> None:
    planned: Any = {"next_run_time": NOON + DAY}
    every = Job(trigger=IntervalTrigger(seconds=5, timezone="UTC"), **planned)
    daily = Job(trigger=CronTrigger(hour=3, timezone="UTC"), **planned)
    follow_clock([every, daily], NOON)
    assert every.next_run_time == NOON
    assert daily.next_run_time == NOON.replace(hour=3) + DAY
