"""A day of crashes is one alarm about the market; the same stream in any batches raises it in the same hour."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from alert_books import AlertBooks, Told
from count_worlds import calm as calm_counts

from alerts.detection.detectors import History
from alerts.detection.market_surge import MarketSurge
from alerts.detection.regular import RegularCounts
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget

DAY = MINUTES_A_DAY
QUIET = timedelta(days=3)
CRASH = 40 * DAY + 600
DETECTOR = MarketSurge(Budget(0.3 / 30, 1))
DETECTOR_OF_MANY = MarketSurge(Budget(0.1, 1))


def calm(chance: random.Random, days: int = 45) -> list[Told]:
    """Two bad stories an hour by day and a harmless one always, about companies of which each is named now and then."""
    told = [Told(60 * hour, f"c{hour % 97}", story=False) for hour in range(days * 24)]
    for hour in range(days * 24):
        bad = chance.choice((1, 2, 3)) if 7 <= hour % 24 < 19 else chance.random() < 0.2
        told += [Told(60 * hour + chance.randrange(60), f"c{chance.randrange(97)}") for _ in range(bad)]
    return told


def crash(chance: random.Random) -> list[Told]:
    """Twenty bad stories an hour for half a day, each about another company."""
    return [Told(CRASH + 3 * step, f"c{chance.randrange(97)}") for step in range(240)]


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_is_one_alarm_of_the_market_however_the_stream_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    told = sorted(calm(chance) + crash(chance), key=lambda each: each.minute)
    whole, cut = AlertBooks(DETECTOR, QUIET), AlertBooks(DETECTOR, QUIET)
    whole.take(told)
    whole.judge(100_000)
    late = sorted(told, key=lambda each: each.minute + chance.uniform(0, 59))
    while late:
        size = chance.randint(50, 800)
        cut.take(late[:size])
        cut.judge(chance.randint(100, 2000))
        del late[:size]
    assert cut.outcome() == whole.outcome()
    ((entity, first, last, *_),) = whole.outcome()
    assert entity == "*"
    assert CRASH <= first + 59 < CRASH + 300
    assert last < CRASH + DAY


def test_calm_raises_nothing() -> None:
    books = AlertBooks(DETECTOR, QUIET)
    books.take(calm(random.Random(7)))
    books.judge(100_000)
    assert books.outcome() == set()


def hours_of(counts: np.ndarray) -> Series:
    """Each hour's bad stories at its last minute, where hours of the market stand."""
    return Series.of((60 * hour + 59, int(count), int(count) + 6) for hour, count in enumerate(counts))


def crash_of_hours() -> np.ndarray:
    random = np.random.default_rng(11)
    hours = calm_counts(random, 45, 0.5, 0.3).reshape(-1, 12).sum(axis=1)
    hours[40 * 24 + 8 : 40 * 24 + 20] += 60
    return hours


def test_it_fires_where_the_backtest_of_the_same_weeks_does() -> None:
    hours = crash_of_hours()
    history = History(hours_of(hours), hours_of(hours))
    found = DETECTOR.findings(history, range(40 * DAY, 41 * DAY, 60))
    weeks = RegularCounts(12 * DAY, 60, hours[None, 12 * 24 : 41 * 24])
    evidence = DETECTOR.surge.judge(weeks).evidence[0, 28 * 24 :]
    fires = np.flatnonzero(evidence >= DETECTOR.promise.threshold(0.3)) * 60 + 40 * DAY
    assert [finding.bucket for finding in found] == fires.tolist()
    assert found[0].bucket - (40 * DAY + 8 * 60) in range(0, 240, 60)
    assert found[0].observed > 3 * found[0].expected
    assert all(40 * DAY <= finding.since <= finding.bucket for finding in found)


@pytest.mark.parametrize("seed", range(20))
def test_it_fires_in_exactly_the_hours_whose_evidence_is_enough(seed: int) -> None:
    """A glance at what calm brings saves most judgements, and changes none."""
    random = np.random.default_rng(seed)
    hours = calm_counts(random, 45, random.uniform(0.05, 1), random.uniform(0.1, 0.6)).reshape(-1, 12).sum(axis=1)
    begins = 40 * 24 + random.integers(24)
    hours[begins : begins + random.integers(1, 12)] += random.integers(30)
    detector = MarketSurge(Budget(random.choice([0.01, 0.1, 0.5]), 1), min_stories=1)
    weeks = RegularCounts(12 * DAY, 60, hours[None, 12 * 24 : 41 * 24])
    evidence = detector.surge.judge(weeks).evidence[0, 28 * 24 :]
    enough = max(0.5, detector.promise.threshold(detector.budget.promised_a_month))
    fires = 40 * DAY + 60 * np.flatnonzero(evidence >= enough)
    found = detector.findings(History(hours_of(hours), hours_of(hours)), range(40 * DAY, 41 * DAY, 60))
    assert [finding.bucket for finding in found] == fires.tolist()


def test_an_alarm_is_not_taken_back_when_an_hour_with_fewer_stories_becomes_the_rarest_horizon() -> None:
    hours = np.tile(np.repeat([0, 1, 0], [7, 12, 5]), 45)
    night = 41 * 24 + 2
    hours[night - 5] += 5
    found = []
    for hours[night] in (5, 6):
        found += DETECTOR_OF_MANY.findings(History(hours_of(hours), hours_of(hours)), [night * 60])
    assert [(one.horizon_min, one.observed) for one in found] == [(720, 14), (720, 15)]
    assert found[1].p_value < found[0].p_value


def test_it_is_said_since_the_first_hour_with_bad_news_not_since_one_with_other_news() -> None:
    hours = np.zeros(45 * 24)
    hours[40 * 24 + 8 : 40 * 24 + 12] = 60
    found = DETECTOR.findings(History(hours_of(hours), hours_of(hours)), range(40 * DAY, 41 * DAY, 60))
    assert found != []
    assert all(one.since == max(40 * DAY + 8 * 60, one.bucket + 60 - one.horizon_min) for one in found)


def test_how_much_of_the_past_was_fetched_does_not_matter() -> None:
    hours = crash_of_hours()
    fetched = hours.copy()
    fetched[: (40 * DAY - DETECTOR.reach_min) // 60] = 0
    judged = range(40 * DAY, 41 * DAY, 60)
    whole, part = (DETECTOR.findings(History(hours_of(each), hours_of(hours)), judged) for each in (hours, fetched))
    assert whole == part != []


def test_a_market_that_has_just_begun_is_no_crash() -> None:
    hours = np.zeros(45 * 24)
    hours[40 * 24 :] = 20
    began = Series.of((60 * hour + 59, 1, 100 if hour >= 40 * 24 else 0) for hour in range(45 * 24))
    awake = hours_of(np.full(45 * 24, 20))
    judged = range(40 * DAY, 45 * DAY, 60)
    assert DETECTOR.findings(History(hours_of(hours), began), judged) == []
    assert DETECTOR.findings(History(hours_of(hours), awake), judged) != []


def test_what_the_market_said_after_the_guard_does_not_matter() -> None:
    hours = crash_of_hours()
    known = 40 * DAY - DETECTOR.guard_min
    rows = [(hour * 60 + 59, 1, 0 if known < hour * 60 + 59 < 40 * DAY else 6) for hour in range(45 * 24)]
    busier = [(minute, 1, 6) for minute, *_ in rows]
    judged = range(40 * DAY, 41 * DAY, 60)
    found, again = (DETECTOR.findings(History(hours_of(hours), Series.of(each)), judged) for each in (rows, busier))
    assert [(one.bucket, one.p_value) for one in found] == [(one.bucket, one.p_value) for one in again] != []
