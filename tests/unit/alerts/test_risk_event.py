"""A first story of a grave risk is told of at once, and a company that has them all the time is no news."""

from __future__ import annotations

import pytest

from alerts.detection.calm import calm_market
from alerts.detection.detectors import History
from alerts.detection.grave_topics import GRAVE
from alerts.detection.risk_event import RiskEvent
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.errors import WrongSettingError
from model.labels import RISK_IDS

DAY = MINUTES_A_DAY
DAYS = 200
NOW = DAYS * DAY - 30


def quiet_market(every_h: int = 240) -> Series:
    """A grave story of the whole market every ten days."""
    return calm_market(DAYS, every_h)


def grave(*minutes: int) -> Series:
    return Series.of((minute, 1, 1) for minute in minutes)


def fires(series: Series, market: Series | None = None, detector: RiskEvent | None = None) -> list[str]:
    found = (detector or RiskEvent(0.2, 7000)).findings(History(series, market or quiet_market()), (NOW,))
    return [finding.severity for finding in found]


def test_one_story_about_a_company_without_any_for_long_is_a_warning() -> None:
    assert fires(grave(NOW)) == ["warning"]


def test_reprints_are_no_story() -> None:
    assert fires(Series.of([(NOW, 0, 40)])) == []


def test_a_company_that_has_them_every_week_is_told_of_only_when_there_are_many_at_once() -> None:
    weekly = range(7 * DAY, NOW - 2 * DAY, 7 * DAY)
    assert fires(grave(*weekly, NOW)) == []
    assert fires(grave(*weekly, *range(NOW - 600, NOW + 1, 60))) != []


def test_where_the_market_is_full_of_them_the_first_of_one_company_is_not_told() -> None:
    """There are more than the budget has room for."""
    assert fires(grave(NOW), quiet_market(every_h=1)) == []
    assert fires(grave(NOW), quiet_market(every_h=1), RiskEvent(20, 7000)) != []


def test_nothing_is_known_of_calm_on_the_first_day() -> None:
    began = Series.of((minute, 1, 6) for minute in range(NOW - DAY - 89, NOW, 60))
    assert fires(grave(NOW), began) == []


def test_the_grave_topics_are_of_the_taxonomy_and_without_those_of_every_week() -> None:
    assert set(GRAVE) < set(RISK_IDS)
    assert {"risk_earnings_decline", "risk_ownership_change", "risk_other"}.isdisjoint(GRAVE)


def test_without_topics_it_is_refused() -> None:
    with pytest.raises(WrongSettingError, match="name one or more topics"):
        RiskEvent(1, 1, topics=())
