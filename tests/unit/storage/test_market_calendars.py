"""Calendars become sessions without gaps, whole minutes each, and a name that nobody knows is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from storage.errors import CalendarError
from storage.market_calendars import refuse_unknown, sessions


@pytest.mark.parametrize("market", ["XNYS", "XSHG", "XHKG", "XLON", "XTKS", "CMES", "24/5"])
def test_each_session_counts_from_the_close_before_it(market: str):
    found = sessions(market, date(2000, 1, 1), date(2026, 12, 31))

    assert all(before.closes_at == after.counts_from for before, after in pairwise(found))
    assert all(one.counts_from <= one.opens_at < one.closes_at for one in found)
    assert all(one.closes_at.second == one.closes_at.microsecond == 0 for one in found), "no minute is cut in two"
    assert found[0].counts_from <= datetime(2000, 1, 1, tzinfo=UTC) < found[0].closes_at
    assert found[-1].session <= date(2026, 12, 31)


def test_a_calendar_ends_where_its_holidays_are_not_told_yet():
    assert sessions("XSHG", date(2024, 1, 1), date(2100, 12, 31))[-1].session < date(2100, 1, 1)
    assert sessions("XNYS", date(2024, 1, 1), date(2100, 12, 31))[-1].session == date(2100, 12, 31)


def test_a_market_that_is_younger_begins_with_its_first_opening():
    first = sessions("XSHG", date(1980, 1, 1), date(2000, 1, 1))[0]

    assert first.session == date(1990, 12, 3)
    assert first.counts_from == first.opens_at


def test_half_days_are_told_apart():
    shortened = [str(one.session) for one in sessions("XNYS", date(2024, 1, 2), date(2024, 12, 31)) if one.shortened]

    assert shortened == ["2024-07-03", "2024-11-29", "2024-12-24"]


def test_calendars_that_nobody_keeps_are_named_all_at_once_with_the_nearest_that_exist():
    with pytest.raises(CalendarError, match=r"'xnys' \(did you mean XNYS\?\), '\?\?'.*markets\.calendars"):
        refuse_unknown(["XSHG", "xnys", "??"])
