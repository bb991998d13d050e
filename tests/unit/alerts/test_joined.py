"""Entities that are judged together get the findings that each would have got alone, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from alerts.detection.calm import CalmStories, calm_market
from alerts.detection.detectors import Detector, Finding, History, NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.joined import findings_of, worth_judging
from alerts.detection.mean_shift import MeanShift
from alerts.detection.name_counts import SourcedSeries
from alerts.detection.risk_event import RiskEvent
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.tones import TonedSeries
from alerts.detection.unlisted_surge import UnlistedSurge
from alerts.detection.volume_alarm import VolumeAlarm

DAYS = 220
BUDGET = Budget(50, 100)
FIRST = 20_000 * MINUTES_A_DAY
"""The day with which the worlds begin: a day of 2024."""

MARKET = Series.of((FIRST + minute, stories, documents) for minute, stories, documents in zip(
    *(each.tolist() for each in (calm_market(DAYS).buckets, calm_market(DAYS).stories, calm_market(DAYS).documents)),
    strict=True,
))  # fmt: skip


def world(seed: int, entities: int) -> dict[str, Series]:
    """Companies of all kinds, every third with a surge in the last days."""
    random = np.random.default_rng(seed)
    found = {}
    for number in range(entities):
        calm = CalmStories(DAYS).draw(random, float(np.exp(random.uniform(np.log(0.001), np.log(6)))))
        rows = dict.fromkeys(calm.buckets.tolist(), 1)
        if number % 3 == 0:
            begins = int(random.integers((DAYS - 8) * MINUTES_A_DAY, (DAYS - 1) * MINUTES_A_DAY))
            rows |= {begins + int(step): 2 for step in random.integers(0, 900, int(random.integers(2, 40)))}
        found[f"e{number}"] = Series.of((FIRST + minute, stories, 3 * stories) for minute, stories in rows.items())
    return found


def alone(detector: Detector, series: Series, touched: Sequence[int], ready: int) -> list[Finding]:
    """What a detector finds in one entity; which buckets are worth it is told in other words."""
    moved = set(touched) & set(series.buckets.tolist())
    worth = [
        bucket
        for bucket in series.buckets.tolist()
        if bucket <= ready and any(one <= bucket < one + detector.echo_min for one in moved)
    ]
    return detector.findings(History(series, MARKET), worth)


def toned(series: Series, random: np.random.Generator) -> TonedSeries:
    """The same with a tone of some kind; surges are bad news."""
    negative = np.minimum(random.poisson(0.3, series.buckets.size) + (series.stories > 1) * 2, series.stories)
    score = 300_000 * series.documents - negative * 900_000
    rows = zip(series.buckets, series.stories, series.documents, negative, score, strict=True)
    return TonedSeries.told(tuple(map(int, row)) for row in rows)  # type: ignore[misc]


@pytest.mark.parametrize(
    "detector",
    [
        NegativeSurge(BUDGET),
        FirstBadNews(BUDGET),
        RiskEvent(2, 100),
        VolumeAlarm(BUDGET),
        ShareShift(BUDGET),
        MeanShift(BUDGET),
    ],
    ids=lambda each: each.name,
)
def test_together_they_are_judged_as_alone(detector: Detector) -> None:
    series, random = world(1, 300), np.random.default_rng(2)
    if detector.counted == "tones":
        series = {name: toned(each, random) for name, each in series.items()}
    end = FIRST + DAYS * MINUTES_A_DAY
    touched = {
        name: [int(minute) for minute in each.buckets[-8:] if random.uniform() < 0.7] + [end - 5]
        for name, each in series.items()
    }
    ready = end - MINUTES_A_DAY // 2
    expected = {name: found for name, each in series.items() if (found := alone(detector, each, touched[name], ready))}
    assert findings_of(detector, series, touched, ready, lambda: MARKET) == expected
    assert len(expected) > 10


def test_the_market_is_not_asked_for_where_nothing_is_worth_a_look() -> None:
    series = {"a": Series.of([(FIRST, 1, 1)]), "b": Series.of(())}

    def market() -> Series:
        raise AssertionError("nobody needs it")

    assert findings_of(NegativeSurge(BUDGET), series, {"a": [FIRST + 1], "b": [FIRST]}, FIRST + 9, market) == {}


def test_counts_that_are_more_than_arrays_are_judged_alone() -> None:
    minutes = np.array([FIRST + DAYS * MINUTES_A_DAY - 60 * step for step in range(6, 0, -1)])
    ones = np.ones(6, dtype=np.int64)
    told = SourcedSeries(minutes, ones, ones, told=(minutes, np.array([0, 0, 0, 1, 1, 1])))
    series = {f"unlisted:{name}": told for name in "ab"} | {"c": Series.of(())}
    touched = {name: minutes.tolist() for name in series}
    surge = UnlistedSurge(5)
    expected = surge.findings(History(told, MARKET), minutes.tolist())
    assert expected
    found = findings_of(surge, series, touched, int(minutes[-1]), lambda: MARKET)
    assert found == {"unlisted:a": expected, "unlisted:b": expected}


def test_a_bucket_is_worth_judging_within_the_echo_of_one_that_moved_up_to_what_is_ready() -> None:
    series = Series.of((FIRST + minute, 1, 1) for minute in (0, 10, 20, 30, 40))
    at = worth_judging(series, np.array([FIRST + 10, FIRST + 11]), 21, FIRST + 30)
    assert (at - FIRST).tolist() == [10, 20, 30]
    assert worth_judging(Series.of(()), np.array([FIRST]), 60, FIRST).size == 0
    assert worth_judging(series, np.array([FIRST + 40]), 60, FIRST + 39).size == 0
