"""The detector of volume: what is learned, what is rare, what is told, and that nothing looks ahead."""

from __future__ import annotations

import numpy as np
import pytest
from count_worlds import SLOTS, Event, add_event, calm
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detection.expectation import Expectation, trailing
from alerts.detection.peaks import Peaks
from alerts.detection.rarity import Rarity
from alerts.detection.regular import RegularCounts
from alerts.detection.volume_surge import VolumeSurge
from alerts.errors import WrongSettingError

MONDAY = 4 * 1440  # 1970-01-05


def regular(values: np.ndarray, first: int = MONDAY, step_min: int = 5) -> RegularCounts:
    return RegularCounts(first, step_min, np.atleast_2d(values).astype(float))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    first=st.integers(0, 4 * SLOTS),
    cut=st.integers(1, 20 * SLOTS - 1),
    factor=st.sampled_from((0.0, 3.0, 100.0)),
    unknown=st.booleans(),
)
def test_what_comes_later_changes_no_judgement(seed: int, first: int, cut: int, factor: float, unknown: bool) -> None:
    random = np.random.default_rng(seed)
    counts = add_event(random, calm(random, 20, 20), Event(9 * SLOTS, 8))
    other = counts.copy()
    other[cut:] = np.nan if unknown else other[cut:] * factor + random.poisson(5, counts.size - cut)
    shorter = counts[:cut]
    judged, altered, ended = (
        VolumeSurge().judge(regular(each, MONDAY + 5 * first)).evidence[0] for each in (counts, other, shorter)
    )
    np.testing.assert_array_equal(judged[:cut], altered[:cut])
    np.testing.assert_array_equal(judged[:cut], ended)


def test_entities_judged_together_are_judged_as_each_alone() -> None:
    random = np.random.default_rng(1)
    counts = np.stack([calm(random, 20, mean) for mean in (0.2, 5, 80)])
    together = VolumeSurge().judge(regular(counts)).evidence
    alone = [VolumeSurge().judge(regular(each)).evidence[0] for each in counts]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_an_event_stands_far_above_a_calm_month() -> None:
    random = np.random.default_rng(2)
    start = 25 * SLOTS + 100
    evidence = VolumeSurge().judge(regular(add_event(random, calm(random, 30, 20, 0.3), Event(start, 6)))).evidence[0]
    assert evidence[start : start + 36].max() > 1.5 * evidence[:start].max()


def test_what_happens_at_this_hour_every_day_is_expected() -> None:
    daily = np.tile(np.where(np.arange(SLOTS) // 12 == 14, 90.0, 10.0), 15)
    expected = Expectation(around_min=0).of(regular(daily), 60)
    last_day = slice(14 * SLOTS, None)
    np.testing.assert_allclose(expected.mean[0, last_day], expected.observed[0, last_day], rtol=0.15)


def test_a_weekday_is_held_against_its_like() -> None:
    week = np.repeat([30.0, 30, 30, 30, 30, 5, 5], SLOTS)
    mean = Expectation().of(regular(np.tile(week, 5)), 60).mean[0]
    saturday, monday = mean[33 * SLOTS + 100] / 12, mean[28 * SLOTS + 100] / 12
    assert saturday < 20
    assert monday > 20


def test_nothing_is_expected_before_two_days_are_known() -> None:
    mean = Expectation().of(regular(np.full(4 * SLOTS, 10.0)), 60).mean[0]
    assert np.isnan(mean[: 2 * SLOTS]).all()
    assert not np.isnan(mean[2 * SLOTS :]).any()


def test_a_crisis_does_not_become_the_habit() -> None:
    random = np.random.default_rng(3)
    quiet = calm(random, 30, 20)
    crisis = add_event(random, quiet, Event(20 * SLOTS, 50, rise=1, fade=SLOTS // 4))
    after = slice(23 * SLOTS, None)
    calmly, shaken = (Expectation().of(regular(each), 60) for each in (quiet, crisis))
    assert np.nanmax(shaken.mean[0, after] / calmly.mean[0, after]) < 1.6
    assert np.nanmax(shaken.level[0, after] / calmly.level[0, after]) < 1.1


def test_a_gap_is_not_calm() -> None:
    values = np.full(10 * SLOTS, 20.0)
    values[6 * SLOTS : 8 * SLOTS] = np.nan
    expected = Expectation().of(regular(values), 60)
    assert expected.mean[0, -1] == pytest.approx(20 * 12)
    assert np.isnan(expected.observed[0, 7 * SLOTS])
    assert VolumeSurge().judge(regular(values)).evidence[0].max() == 0


def test_sums_over_a_horizon_are_scaled_where_some_buckets_are_missing() -> None:
    values = np.array([[1.0, 1, np.nan, 1, np.nan, np.nan, np.nan]])
    sums = trailing(values, 4)[0]
    assert sums[3] == pytest.approx(4)
    assert np.isnan(sums[[0, 6]]).all()


def test_rarity_is_told_by_the_own_past_and_a_crisis_in_it_counts_for_little() -> None:
    random = np.random.default_rng(4)
    lively, dull = random.normal(5, 1, (1, 40 * 10)), random.normal(3, 1, (1, 40 * 10))
    rarity = Rarity(median=4, excess=1)
    for surprises in (lively, dull):
        surprises[0, -1] = 9
    assert rarity.tail(dull, 10).rarity(dull)[0, -1] > rarity.tail(lively, 10).rarity(lively)[0, -1] > 0
    shaken = dull.copy()
    shaken[0, 200] = 1000
    assert rarity.tail(shaken, 10).rarity(shaken)[0, -1] > 0.7 * rarity.tail(dull, 10).rarity(dull)[0, -1]


def test_an_event_is_told_when_it_begins_and_when_it_grows() -> None:
    peaks = Peaks(quiet_min=50, growth=1.6, floor=1)
    evidence = np.array([0.5, 1.5, 1.0, 2.3, 2.5, 2.0, 9.0, 0.0])
    assert peaks.told(evidence, 5).tolist() == [0, 1.5, 0, 0, 2.5, 0, 9.0, 0]


def test_after_the_quiet_time_the_next_event_is_told_however_small() -> None:
    evidence = np.zeros(40)
    evidence[[2, 12, 13]] = [9, 2, 3]
    assert np.flatnonzero(Peaks(quiet_min=50, growth=1.6, floor=1).told(evidence, 5)).tolist() == [2, 13]


def test_a_step_that_does_not_divide_the_day_is_refused() -> None:
    with pytest.raises(WrongSettingError, match="divides a day"):
        regular(np.ones(10), step_min=7)
