"""Servers are asked seldom, one request at a time, and left alone when they say so."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_doubles import NOON, HandClock

from stream.sources.politeness import LONGEST_S, HostGate, back_off_s, retry_after_s


@given(
    failures=st.integers(1, 10_000),
    poll_s=st.floats(10, 86_400),
    asked_s=st.none() | st.floats(0, 1e9),
    seed=st.integers(),
)
def test_a_back_off_is_longer_than_the_usual_pause_and_than_what_was_asked_for_within_bounds(
    failures: int, poll_s: float, asked_s: float | None, seed: int
) -> None:
    pause = back_off_s(failures, poll_s, asked_s=asked_s, chance=random.Random(seed))
    assert pause >= min(poll_s, max(LONGEST_S, poll_s) / 2) * 0.99
    assert pause >= min(asked_s or 0, 86_400)
    assert pause <= max(LONGEST_S, poll_s, 86_400)


def test_a_back_off_doubles_and_is_spread() -> None:
    longest = [
        max(back_off_s(n, 300, asked_s=None, chance=random.Random(seed)) for seed in range(200)) for n in (1, 2, 3)
    ]
    assert longest == pytest.approx([600, 1200, 2400], rel=0.05)
    assert len({back_off_s(1, 300, asked_s=None, chance=random.Random(seed)) for seed in range(50)}) == 50


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        (format_datetime(NOON + timedelta(minutes=5)), 300.0),
        (format_datetime(NOON - timedelta(minutes=5)), 0.0),
        ("Mon, 02 Mar 2026 12:01:00 -0000", 60.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("Wed, 21 Oct 2026 07:28:99999999999999999999 GMT", None),
        ("Wed, 21 Oct 9999999999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, NOON) == seconds


async def test_a_host_gets_one_request_at_a_time_and_a_pause_between_two() -> None:
    clock, inside, log = HandClock(), 0, []

    async def wait(seconds: float) -> None:
        clock.advance(seconds)

    gate = HostGate(2.0, clock, wait)

    async def request(host: str) -> None:
        nonlocal inside
        async with gate.turn(host):
            inside += 1
            assert inside == 1
            log.append((host, (clock() - NOON).total_seconds()))
            await asyncio.sleep(0)
            clock.advance(0.5)
            inside -= 1

    await asyncio.gather(*(request("a.example") for _ in range(3)))
    assert log == [("a.example", 0.0), ("a.example", 2.5), ("a.example", 5.0)]
    clock.advance(60)
    await request("a.example")
    assert log[-1] == ("a.example", 65.5)


async def test_hosts_do_not_wait_for_each_other() -> None:
    clock = HandClock()

    async def wait(_seconds: float) -> None:
        raise AssertionError("nobody has to wait here")

    gate = HostGate(2.0, clock, wait)
    async with gate.turn("a.example"), gate.turn("b.example"):
        pass
