"""The wall clock is set a day forwards or back, or nobody looks for a while: nothing is final too early, or never."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from book_records import NOON, SCORED, a_document
from books import LATENESS
from sqlalchemy import Engine, text

from storage.ingest import Ingest, ReadTo
from storage.watermarks import advance

IDLE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Wall:
    """A wall clock, moved by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


class Stage:
    """A windows stage with two partitions: the first far ahead in event time, the second behind; all on one clock."""

    def __init__(self, engine: Engine) -> None:
        self.wall = Wall()
        self._engine = engine
        self._ingest = Ingest(engine, allowed_lateness=LATENESS, clock=self.wall, idle_after=IDLE)
        self._read = [0, 0]
        self._ingest.expect([ReadTo(SCORED, 0, 0), ReadTo(SCORED, 1, 0)])
        self.brings(0, minute=60)
        self.brings(1, minute=20)

    def brings(self, partition: int, *, minute: int) -> None:
        offset = self._read[partition]
        self._read[partition] += 1
        document = a_document(f"{partition}-{offset}", offset, partition=partition, minute=minute)
        self._ingest.scored([document], [ReadTo(SCORED, partition, offset + 1, offset)])

    def final(self) -> int | None:
        """The minute of event time up to which all is final, as the scheduler's chore finds it."""
        with self._engine.begin() as connection:
            low = advance(connection, now=self.wall(), idle_after=IDLE, allowed_lateness=LATENESS)
        return None if low is None else int((low - NOON) / timedelta(minutes=1))

    def passes(self, time: timedelta) -> None:
        """Time goes by, and the chore runs every five seconds of it."""
        until = self.wall.at + time
        while self.wall.at < until:
            self.wall.at += timedelta(seconds=5)
            self.final()


@pytest.fixture
def stage(database: Engine) -> Stage:
    return Stage(database)


def test_without_a_jump_a_silent_partition_is_left_aside_after_a_while(stage: Stage) -> None:
    assert stage.final() == 15
    stage.passes(timedelta(seconds=50))
    assert stage.final() == 15
    stage.passes(timedelta(seconds=20))
    assert stage.final() == 55, "both are silent: the newest event time counts"


def test_a_clock_set_forwards_makes_nobody_silent(stage: Stage) -> None:
    stage.wall.at += DAY
    assert stage.final() == 15, "a day did not pass"
    stage.passes(timedelta(seconds=50))
    stage.brings(1, minute=30)
    assert stage.final() == 25
    stage.passes(timedelta(seconds=70))
    assert stage.final() == 55


def test_a_clock_set_back_makes_nobody_busy_for_a_day(stage: Stage) -> None:
    stage.wall.at -= DAY
    assert stage.final() == 15
    stage.passes(timedelta(seconds=70))
    assert stage.final() == 55


def test_a_clock_set_forwards_and_back_again_leaves_no_trace(stage: Stage) -> None:
    stage.wall.at += DAY
    stage.brings(1, minute=25)
    assert stage.final() == 20
    stage.wall.at -= DAY
    assert stage.final() == 20
    stage.brings(0, minute=61)
    stage.passes(timedelta(seconds=50))
    assert stage.final() == 20
    stage.passes(timedelta(seconds=70))
    assert stage.final() == 56


def test_time_in_which_nothing_ran_is_not_silence(stage: Stage) -> None:
    """The installation was off for an hour: what waits in the second partition is older than the first one's next."""
    stage.wall.at += timedelta(hours=1)
    stage.brings(0, minute=120)
    assert stage.final() == 15
    stage.brings(1, minute=21)
    assert stage.final() == 16


def test_attempts_that_are_to_come_are_moved_back_with_the_clock(stage: Stage, database: Engine) -> None:
    insert = text(
        "INSERT INTO deliveries (webhook_id, endpoint, event_type, payload, created_at, next_attempt_at) "
        "VALUES ('m', 'desk', 'alert.opened', '{}', :now, :now + interval '5 minutes')"
    )
    with database.begin() as connection:
        connection.execute(insert, {"now": stage.wall.at})
    stage.wall.at -= DAY
    stage.final()
    with database.connect() as connection:
        due = connection.execute(text("SELECT next_attempt_at FROM deliveries")).scalar_one()
    assert due == stage.wall.at + timedelta(minutes=5)


def test_a_partition_that_moves_after_a_jump_is_busy_from_then_on_and_not_from_the_jump(stage: Stage) -> None:
    stage.wall.at += DAY
    stage.final()
    stage.passes(timedelta(seconds=50))
    stage.brings(1, minute=21)
    stage.passes(timedelta(seconds=20))
    assert stage.final() == 21 - LATENESS / timedelta(minutes=1), "the first is silent by now, the second is not"
