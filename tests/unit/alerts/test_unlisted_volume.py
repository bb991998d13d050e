"""Volume about a name nobody listed: as a company's, if two sources tell of it, out of a budget that names share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alerts.detection.calm import calm_market
from alerts.detection.detectors import History
from alerts.detection.name_counts import SourcedSeries
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget
from alerts.detection.unlisted_volume import UnlistedVolume
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.errors import WrongSettingError

DAY = MINUTES_A_DAY
NOON = 50 * DAY + 720
MARKET = calm_market(60)
SURGE = [NOON + 25 * step for step in range(9)]
DETECTOR = UnlistedVolume(0.1)


def told_by(minutes: list[int], sources: list[int]) -> SourcedSeries:
    """A story a minute, each by the source of its place."""
    ones = np.ones(len(minutes), dtype=np.int64)
    at = np.array(minutes, dtype=np.int64)
    return SourcedSeries(at, ones, 2 * ones, told=(at, np.array(sources, dtype=np.int64)))


def market(documents: int) -> Series:
    """As many documents in every hour."""
    return Series.of((60 * hour + 59, 1, documents) for hour in range(60 * 24))


def test_a_name_never_heard_of_is_told_while_its_surge_grows_as_a_company_would_be() -> None:
    series = told_by(SURGE, [0, 1, 2] * 3)
    found = DETECTOR.findings(History(series, MARKET), SURGE)
    listed = VolumeAlarm(Budget(0.1, 10**6)).findings(History(series, MARKET), SURGE)
    assert SURGE[2] < found[0].bucket < SURGE[-1]
    assert found[0].observed_documents == 2 * found[0].observed
    assert found[-1] == replace(listed[-1], severity=found[-1].severity)
    assert found[0].bucket <= listed[0].bucket


def test_one_source_alone_however_much_it_says_is_not_told_until_another_says_so_too() -> None:
    of_one = told_by(SURGE, [0] * 9)
    assert DETECTOR.findings(History(of_one, MARKET), SURGE) == []
    late = told_by(SURGE, [0] * 7 + [1] + [0])
    found = DETECTOR.findings(History(late, MARKET), SURGE)
    assert [finding.bucket // 5 for finding in found] == [minute // 5 for minute in SURGE[7:]]


def test_another_source_counts_for_a_day_and_within_the_step_that_fires() -> None:
    minutes = [SURGE[0] - DAY - 200, *SURGE]
    assert DETECTOR.findings(History(told_by(minutes, [1] + [0] * 9), MARKET), SURGE) == []
    minutes = [*SURGE, SURGE[-1] + 3]
    at_the_end = DETECTOR.findings(History(told_by(minutes, [0] * 9 + [1]), MARKET), minutes)
    assert [finding.bucket for finding in at_the_end] == [SURGE[-1]]


def test_what_is_always_in_the_news_is_no_surge() -> None:
    usual = [NOON - 150 * step for step in range(400, 0, -1)]
    minutes = [*usual, *SURGE[:4]]
    series = told_by(minutes, [number % 2 for number in range(len(minutes))])
    assert DETECTOR.findings(History(series, MARKET), SURGE[:4]) == []


def test_the_more_the_market_says_the_more_names_share_the_budget() -> None:
    series = told_by(SURGE, [0, 1, 2] * 3)
    first = [
        detector.findings(History(series, market(documents)), SURGE)[0].bucket
        for detector, documents in ((DETECTOR, 10), (DETECTOR, 400), (UnlistedVolume(4.0), 400))
    ]
    assert first[0] < first[1]
    assert first[0] == first[2]


def test_what_is_learned_and_awaited_is_what_its_judge_needs() -> None:
    judge = DETECTOR.volume
    assert DETECTOR.guard_min == judge.guard_min > 60
    assert (DETECTOR.reach_min, DETECTOR.echo_min) == (judge.reach_min, judge.echo_min)
    assert DETECTOR.market_reach_min == judge.market_reach_min


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(WrongSettingError, match="false_alarms_per_day"):
        UnlistedVolume(0)
