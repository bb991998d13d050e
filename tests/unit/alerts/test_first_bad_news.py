"""After a long quiet two stories are enough; where there is bad news now and then they are not."""

from __future__ import annotations

from alerts.detection.calm import calm_market
from alerts.detection.detectors import History, NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget

DAY = MINUTES_A_DAY
DAYS = 200
NOW = DAYS * DAY - 30
MARKET = calm_market(DAYS, 2)
DETECTOR = FirstBadNews(Budget(0.15, 7000))


def stories(*minutes: int) -> Series:
    return Series.of((minute, 1, 1) for minute in minutes)


def fires(*minutes: int) -> bool:
    return bool(DETECTOR.findings(History(stories(*minutes), MARKET), (NOW,)))


def test_a_second_story_within_hours_bears_out_the_first() -> None:
    assert not fires(NOW)
    assert fires(NOW - 120, NOW)
    assert NegativeSurge(Budget(0.6, 7000)).fires(History(stories(NOW - 120, NOW), MARKET), NOW) is None


def test_two_stories_days_apart_are_not_one_event() -> None:
    assert not fires(NOW - 2 * DAY, NOW)


def test_bad_news_two_months_ago_is_remembered() -> None:
    assert not fires(NOW - 60 * DAY, NOW - 120, NOW)
    assert fires(NOW - 190 * DAY, NOW - 120, NOW)
