"""When somebody is not to be disturbed: by local time, over midnight, over holidays, and when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery.quiet_hours import OpenDays, QuietHours, zone_of
from alerts.errors import WrongSettingError

NIGHT = QuietHours(time(22), time(7), "Asia/Shanghai")
WEEK = OpenDays({date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 30)}, date(2026, 12, 1))


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=zone_of("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (shanghai(26, 12), shanghai(26, 12)),
        (shanghai(26, 22), shanghai(27, 7)),
        (shanghai(27, 6, 59), shanghai(27, 7)),
        (shanghai(27, 7), shanghai(27, 7)),
    ],
)
def test_the_night_ends_in_the_morning(now: datetime, until: datetime) -> None:
    assert NIGHT.until(now) == until


def test_hours_within_a_day() -> None:
    lunch = QuietHours(time(12), time(13), "UTC")
    assert lunch.until(datetime(2026, 11, 26, 12, 30, tzinfo=UTC)) == datetime(2026, 11, 26, 13, tzinfo=UTC)


def test_a_closed_market_is_quiet_until_it_opens_again_and_the_night_is_over() -> None:
    assert NIGHT.until(shanghai(27, 23), WEEK) == shanghai(30, 7)
    assert NIGHT.until(shanghai(28, 12), WEEK) == shanghai(30, 7)
    assert QuietHours(zone="Asia/Shanghai").until(shanghai(28, 12), WEEK) == shanghai(30, 0)


def test_days_that_no_calendar_tells_of_are_open() -> None:
    assert QuietHours().until(datetime(2027, 1, 3, tzinfo=UTC), WEEK) == datetime(2027, 1, 3, tzinfo=UTC)
    assert QuietHours().until(datetime(2027, 1, 3, tzinfo=UTC), OpenDays((), None)).year == 2027


def test_where_clocks_go_forward_over_the_end_the_quiet_ends_with_the_jump() -> None:
    night = QuietHours(time(1), time(2, 30), "Europe/Berlin")
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 02:00 becomes 03:00
    assert jump <= night.until(jump - timedelta(minutes=30)) <= jump + timedelta(minutes=30)


@given(
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe"]),
    st.integers(0, 730 * 24 * 60),
)
def test_the_quiet_ends_within_a_day_and_is_over_then(start: time, end: time, zone: str, minute: int) -> None:
    hours, now = QuietHours(start, end, zone), datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    until = hours.until(now)
    assert now <= until <= now + timedelta(hours=26)
    assert hours.until(until) == until


def test_a_zone_that_does_not_exist_is_refused() -> None:
    for wrong in ("Asia/Peking2", "", "../etc/passwd"):
        with pytest.raises(WrongSettingError, match="Asia/Shanghai"):
            QuietHours(zone=wrong)
