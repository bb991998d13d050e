"""Hours and weekdays of rules, in a zone, over midnight and over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detection.series import minute_of
from alerts.rules.times import WEEKDAYS, Times, hours_of, zone_of

NIGHT = Times(time(22), time(6), zone_of("UTC"), frozenset({WEEKDAYS.index("fri")}))


def holds(times: Times, written: str) -> bool:
    return times.hold(minute_of(datetime.fromisoformat(written).replace(tzinfo=UTC)))


@pytest.mark.parametrize(
    ("written", "within"),
    [
        ("2026-11-27 21:59", False),  # a Friday
        ("2026-11-27 22:00", True),
        ("2026-11-28 05:59", True),  # its night goes on
        ("2026-11-28 06:00", False),
        ("2026-11-28 22:30", False),  # a Saturday's night
        ("2026-11-27 03:00", False),  # a Thursday's night
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_began(written: str, within: bool) -> None:
    assert holds(NIGHT, written) is within


def test_hours_are_those_of_the_zone_and_end_before_their_end() -> None:
    times = Times(time(9, 30), time(15), zone_of("Asia/Shanghai"))
    assert holds(times, "2026-11-27 01:30")
    assert holds(times, "2026-11-27 06:59")
    assert not holds(times, "2026-11-27 07:00")
    assert not holds(times, "2026-11-27 01:29")


def test_hours_follow_the_clocks_of_the_zone() -> None:
    times = Times(time(9), time(10), zone_of("Europe/London"))
    assert holds(times, "2026-01-15 09:30")
    assert holds(times, "2026-07-15 08:30")
    assert not holds(times, "2026-07-15 09:30")


@given(st.integers(0, 60_000_000))
def test_without_hours_and_weekdays_every_minute_is_within(minute: int) -> None:
    assert Times().hold(minute)


@pytest.mark.parametrize("wrong", ["", "9-17", "09:00", "24:00-01:00", "09:60-10:00", "09:00-17:00 "])
def test_what_are_no_hours_says_how_they_are_written(wrong: str) -> None:
    with pytest.raises(ValueError, match="HH:MM-HH:MM"):
        hours_of(wrong)


def test_what_is_no_zone_says_how_one_is_written() -> None:
    for wrong in ("Mars", "", "../etc/passwd", "a" * 500):
        with pytest.raises(ValueError, match="IANA"):
            zone_of(wrong)
