"""A replay keeps the rhythm of the past, faster by a factor."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from source_doubles import NOON, HandClock, HandStop

from stream.sources.memory import MemorySink
from stream.sources.pace import Pace


def test_an_hour_at_speed_sixty_takes_a_minute() -> None:
    clock = HandClock()
    pace, stop, begun = Pace(60, clock, MemorySink()), HandStop(clock), clock()
    due_after_s = []
    for minutes in (0, 1, 30, 60):
        pace.wait(NOON - timedelta(days=900) + timedelta(minutes=minutes), stop)
        due_after_s.append((clock() - begun).total_seconds())
    assert due_after_s == pytest.approx([0, 1, 30, 60])


def test_what_is_out_of_order_or_has_no_time_is_due_at_once() -> None:
    clock = HandClock()
    pace, stop = Pace(1, clock, MemorySink()), HandStop(clock)
    for event_time in (NOON, None, NOON - timedelta(days=1)):
        pace.wait(event_time, stop)
    assert stop.waits == []


def test_a_late_start_of_one_document_is_caught_up_and_not_added_to_all() -> None:
    clock = HandClock()
    pace, stop = Pace(1, clock, MemorySink()), HandStop(clock)
    pace.wait(NOON, stop)
    clock.advance(50)  # the broker was slow
    pace.wait(NOON + timedelta(seconds=60), stop)
    assert sum(stop.waits) == pytest.approx(10)


def test_a_stop_ends_the_wait() -> None:
    clock = HandClock()
    pace, stop = Pace(1, clock, MemorySink()), HandStop(clock, patience_s=3)
    pace.wait(NOON, stop)
    pace.wait(NOON + timedelta(days=1), stop)
    assert sum(stop.waits) == pytest.approx(3)


def test_acknowledgements_are_heard_during_a_wait() -> None:
    clock, sink, heard = HandClock(), MemorySink(), []
    pace, stop = Pace(1, clock, sink), HandStop(clock)
    pace.wait(NOON, stop)
    sink.publish_record(b"k", b"v", on_ack=heard.append)
    pace.wait(NOON + timedelta(seconds=1), stop)
    assert heard == [None]


def test_flat_out_never_waits() -> None:
    pace = Pace(None, HandClock(), MemorySink())
    assert not pace.matters
    pace.wait(NOON, threading.Event())
    pace.wait(NOON + timedelta(days=1), threading.Event())
