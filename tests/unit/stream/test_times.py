"""Publication times: whatever crawlers write is read, and what cannot be true is replaced and flagged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.limits import Limits
from stream.times import believable, read_time

LIMITS = Limits()
NOON = datetime(2017, 2, 8, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2017-02-08T12:00:00Z",
        "2017-02-08 12:00:00+00:00",
        "2017-02-08T12:00:00.000000000Z",
        "2017-02-08T20:00:00+08:00",
        "2017-02-08 12:00",
        " 2017-02-08T12:00 ",
        "Wed, 08 Feb 2017 12:00:00 GMT",
        "Wed, 08 Feb 2017 07:00:00 -0500",
        "Wed, 08 Feb 2017 07:00:00 EST",
        "8 Feb 2017 12:00:00 +0000",
        "1486555200",
        "1486555200.0",
        "1486555200000",
        "1486555200000000",
        "1486555200000000000",
        "20170208120000",
        "20170208T120000Z",
        "2017年2月8日 20:00",
        "2017年02月08日 星期三 20:00:00",
        "2017年2月8日晚上8点",
        "2017年2月8日 下午8时00分",
        "Feb 8, 2017 7:00 AM EST",
        "February 8, 2017 12:00 PM",
        "2017/02/08 12:00:00",
    ],
)
def test_reads_the_notations_of_the_world(written: str) -> None:
    assert read_time(written) == NOON


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2017-02-08", datetime(2017, 2, 8, tzinfo=UTC)),
        ("2017年2月8日", datetime(2017, 2, 7, 16, tzinfo=UTC)),
        ("2017年2月8日 凌晨0点5分", datetime(2017, 2, 7, 16, 5, tzinfo=UTC)),
        ("2017年2月8日 中午12:30", datetime(2017, 2, 8, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_bare_date_is_its_midnight(written: str, meant: datetime) -> None:
    assert read_time(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "soon", "yesterday", "12", "Feb 8", "5:01 PM", "2017-13-45", "nan", "1e400", "年", "2017年13月1日", "x" * 5000,
     "Wed, 08 Feb 2017 25:61:00 GMT", "9999-12-31T23:59:59-12:00", "2017", "999999999e999",
     "T9223372036854775808:29.9"],
)  # fmt: skip
def test_no_date_is_made_up(written: str) -> None:
    assert read_time(written) is None


@given(st.text(max_size=80))
def test_no_text_crashes_it(text: str) -> None:
    read = read_time(text)
    assert read is None or read.utcoffset() == timedelta(0)


ARRIVED = datetime(2026, 1, 10, tzinfo=UTC)
FETCHED = datetime(2026, 1, 9, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "fetched", "expected", "flags"),
    [
        ("2017-02-08T12:00:00Z", FETCHED, NOON, ()),  # old news arriving today is fine
        ("2026-01-10T23:59:00Z", None, datetime(2026, 1, 10, 23, 59, tzinfo=UTC), ()),  # a zone left out
        ("3000-01-01T00:00:00Z", FETCHED, FETCHED, ("time_replaced",)),
        ("3000-01-01T00:00:00Z", None, ARRIVED, ("time_replaced",)),
        ("1970-01-01T00:00:00Z", FETCHED, FETCHED, ("time_replaced",)),
        ("1999-12-31T23:59:59Z", None, ARRIVED, ("time_replaced",)),
        ("", FETCHED, FETCHED, ("time_replaced",)),
        ("no date", datetime(3000, 1, 1, tzinfo=UTC), ARRIVED, ("time_replaced",)),
    ],
)
def test_only_believable_times_are_kept(
    written: str, fetched: datetime | None, expected: datetime, flags: tuple[str, ...]
) -> None:
    assert believable(written, fetched, ARRIVED, LIMITS) == (expected, flags)


def test_how_far_ahead_is_believed_is_a_setting() -> None:
    assert believable("2026-01-10T01:00:00Z", None, ARRIVED, Limits(future=timedelta(minutes=5)))[1] == (
        "time_replaced",
    )


@given(st.text(max_size=40), st.datetimes(timezones=st.just(UTC)) | st.none())
def test_the_time_kept_is_always_within_bounds(written: str, fetched: datetime | None) -> None:
    kept, _ = believable(written, fetched, ARRIVED, LIMITS)
    assert LIMITS.oldest <= kept <= ARRIVED + LIMITS.future
