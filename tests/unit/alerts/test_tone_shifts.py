"""Shares and means against a company's own past; what they saw is judged when it is complete, and not before."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from alert_books import LATENESS_MIN, AlertBooks, Told

from alerts.detection.detectors import History
from alerts.detection.mean_shift import MeanShift
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.tone_past import TonePast, stretch
from alerts.detection.tones import TonedSeries

DAY = MINUTES_A_DAY
NOW = 60 * DAY
NOBODY = Series.of(())
BUDGET = Budget(0.1 / 30, 1)

Row = tuple[int, int, int, int, int]


def bad(minute: int, score: float = -0.8) -> Row:
    return (minute, 1, 1, 1, round(score * 1e6))


def harmless(minute: int, score: float = 0.0) -> Row:
    return (minute, 1, 1, 0, round(score * 1e6))


def usual() -> list[Row]:
    """Ten stories a day for a month, one of them bad, up to two days before now."""
    minutes = range(NOW - 32 * DAY, NOW - 2 * DAY, DAY // 10)
    return [bad(minute) if number % 10 == 0 else harmless(minute) for number, minute in enumerate(minutes)]


def fires(detector: ShareShift, today: list[Row]) -> bool:
    history = History(TonedSeries.told(usual() + today), NOBODY)
    return bool(detector.findings(history, (NOW,)))


def test_many_bad_ones_among_few_are_a_shift_and_among_many_they_are_not() -> None:
    bads = [bad(NOW - 60 * hour) for hour in range(8)]
    assert fires(ShareShift(BUDGET), bads + [harmless(NOW - 60 * hour - 7) for hour in range(3)])
    assert not fires(ShareShift(BUDGET), bads + [harmless(NOW - 10 * step - 7) for step in range(72)])


def test_a_worse_tone_is_a_shift_of_the_mean_though_few_are_called_bad() -> None:
    worse = [bad(NOW), *(harmless(NOW - 20 * step - 7, -0.45) for step in range(20))]
    assert fires(MeanShift(BUDGET), worse)
    assert not fires(ShareShift(BUDGET), worse)
    assert not fires(MeanShift(BUDGET), [bad(NOW), *(harmless(NOW - 20 * step - 7) for step in range(20))])


def test_reprints_are_no_stories() -> None:
    reprints = [(NOW - minute, 0, 1, 0, -900_000) for minute in range(1, 40)]
    assert not fires(ShareShift(BUDGET), [bad(NOW), *reprints])
    assert not fires(MeanShift(BUDGET), [bad(NOW), *reprints])


def test_of_a_company_without_a_past_the_usual_is_believed() -> None:
    past = TonePast().learn(TonedSeries.told([bad(NOW)]), np.array([NOW - DAY]))
    assert (past.share[0], past.mean[0]) == pytest.approx((0.12, -0.02))
    assert past.variance[0] == pytest.approx(0.3**2)


def test_the_sums_of_a_stretch_are_those_of_its_stories() -> None:
    series = TonedSeries.told([bad(10, -0.5), harmless(20, 0.25), bad(30, -1.0)])
    seen = stretch(series, np.array([10]), np.array([30]))
    assert (seen.stories[0], seen.negative[0]) == (2, 1)
    assert (seen.score[0], seen.square[0]) == pytest.approx((-0.75, 1.0625))


def test_it_is_judged_once_the_minute_is_complete_and_not_before() -> None:
    """Harmless news that comes late, but within the allowed lateness, is heard first."""
    detector = ShareShift(Budget(9, 1), TonePast(days=3), horizons_min=(240,), min_stories=2)
    bads = [Told(5 * DAY + minute, "acme") for minute in range(0, 60, 6)]
    late = [Told(5 * DAY + 10 + minute, "acme", bad=False) for minute in range(60)]
    with_late, without = (AlertBooks(detector, timedelta(days=1)) for _ in range(2))
    for books, more in ((with_late, late), (without, [])):
        books.take(bads)
        books.judge()
        assert books.outcome() == set()
        books.take(more)
        books.take([Told(5 * DAY + 60 + LATENESS_MIN, "coal", bad=False)])
        books.judge()
    assert [entity for entity, *_ in without.outcome()] == ["acme"]
    assert with_late.outcome() == set()
