"""What fires and what does not, on counts small enough to follow by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom

from alerts.detection.baselines import Baseline
from alerts.detection.detectors import History, NegativeSurge
from alerts.detection.series import MINUTES_A_DAY, Series, minute_of, time_of
from alerts.detection.thresholds import Budget, rank, severity
from alerts.errors import WrongSettingError

DAY = MINUTES_A_DAY
NOW = 60 * DAY

LISTED = 5000


def market(days: int = 60, negative_a_day: int = 24, documents_a_day: int = 240) -> Series:
    """A market that says the same every hour, up to now."""
    hours = range(NOW - days * DAY + 59, NOW, 60)
    return Series.of((hour, negative_a_day // 24, documents_a_day // 24) for hour in hours)


def stories(*minutes: int) -> Series:
    """One negative story in each of these minutes."""
    return Series.of((minute, 1, 1) for minute in minutes)


def every(gap_min: int, since: int = NOW - 40 * DAY, until: int = NOW - DAY) -> list[int]:
    return list(range(since, until, gap_min))


@pytest.fixture
def detector() -> NegativeSurge:
    return NegativeSurge(Budget(false_alarms_per_day=1, entities=LISTED))


def test_three_stories_within_a_day_about_a_company_never_heard_of_fire(detector: NegativeSurge) -> None:
    found = detector.fires(History(stories(NOW - 300, NOW - 100, NOW), market()), NOW)
    assert found is not None
    assert (found.observed, found.observed_documents, found.since) == (3, 3, NOW - 300)
    assert found.horizon_min == 360
    assert found.expected < 0.01


def test_two_stories_never_fire(detector: NegativeSurge) -> None:
    assert detector.fires(History(stories(NOW - 1, NOW), market()), NOW) is None


def test_reprints_of_one_story_are_one_story(detector: NegativeSurge) -> None:
    reprinted = Series.of([(NOW - 5, 1, 1), (NOW - 2, 0, 25), (NOW, 1, 30)])
    assert detector.fires(History(reprinted, market()), NOW) is None


def test_a_company_that_always_has_bad_news_does_not_fire_on_its_daily_share(detector: NegativeSurge) -> None:
    busy = stories(*every(240), NOW - 700, NOW - 400, NOW - 200, NOW)
    assert detector.fires(History(busy, market()), NOW) is None
    assert detector.fires(History(stories(NOW - 700, NOW - 400, NOW - 200, NOW), market()), NOW) is not None


def test_a_busy_company_fires_when_it_has_far_more_than_usual(detector: NegativeSurge) -> None:
    surge = stories(*every(240), *range(NOW - 58, NOW + 1, 2))
    found = detector.fires(History(surge, market()), NOW)
    assert found is not None
    assert found.observed == 30
    assert found.severity == "critical"


def test_only_minutes_in_which_a_story_began_can_fire(detector: NegativeSurge) -> None:
    surge = History(stories(NOW - 30, NOW - 20, NOW - 10), market())
    assert detector.fires(surge, NOW - 10) is not None
    assert detector.fires(surge, NOW) is None


def test_a_surge_does_not_raise_its_own_baseline_while_it_grows(detector: NegativeSurge) -> None:
    growing = stories(*range(NOW - DAY, NOW + 1, 60))
    first = detector.fires(History(stories(NOW - DAY), market()), NOW - DAY)
    found = detector.fires(History(growing, market()), NOW)
    assert first is None
    assert found is not None
    assert found.expected < 0.05


def test_last_months_crisis_does_not_hide_this_months(detector: NegativeSurge) -> None:
    crisis = [NOW - 42 * DAY + hour * 60 for hour in range(0, 240, 6)]
    again = stories(*crisis, NOW - 2000, NOW - 900, NOW - 300, NOW)
    assert detector.fires(History(again, market()), NOW) is not None


def test_calm_is_believed_only_of_days_on_which_the_stream_was_awake() -> None:
    ends = np.array([NOW])
    rate = {
        days: (belief.shape / belief.days)[0]
        for days in (0, 2, 28)
        for belief in [Baseline().believe(Series.of(()), market(days, negative_a_day=0), ends)]
    }
    assert rate[0] == pytest.approx(Baseline().prior_rate_per_day)
    assert rate[0] > rate[2] > rate[28]


def test_a_company_without_a_past_is_judged_by_the_market() -> None:
    ends = np.array([NOW])
    quiet, loud = (
        Baseline().believe(Series.of(()), market(negative_a_day=each, documents_a_day=100_000), ends)
        for each in (24, 48_000)
    )
    assert (loud.shape / loud.days)[0] == pytest.approx(2000 * (quiet.shape / quiet.days)[0])


def test_a_day_counts_half_after_the_half_life() -> None:
    weights = Baseline(half_life_days=1, history_days=2, memory_weight_days=0)
    ends = np.array([NOW])
    recent = weights.believe(stories(NOW - 10), market(), ends).shape[0]
    older = weights.believe(stories(NOW - 10 - DAY), market(), ends).shape[0]
    gone = weights.believe(stories(NOW - 10 - 2 * DAY), market(), ends).shape[0]
    assert (recent - gone, older - gone) == pytest.approx((1.0, 0.5))


def test_the_bucket_at_the_end_of_the_baseline_is_not_part_of_it() -> None:
    ends = np.array([NOW])
    inside = Baseline().believe(stories(NOW - 1), market(), ends).shape[0]
    outside = Baseline().believe(stories(NOW), market(), ends).shape[0]
    assert inside - outside == pytest.approx(1.0)


def test_every_company_in_the_news_gets_an_equal_part_and_those_never_named_need_none() -> None:
    assert Budget(1, 100).promised_a_month == pytest.approx(30 / 100)
    assert Budget(1, 500 + 2000).promised_a_month == pytest.approx(30 / (500 + 100))


def test_a_company_with_news_once_a_month_is_no_stranger_in_between() -> None:
    monthly = stories(*range(NOW - 170 * DAY, NOW - 25 * DAY, 30 * DAY))
    known, strange = (Baseline().believe(each, market(180), np.array([NOW])) for each in (monthly, stories()))
    assert (known.shape / known.days)[0] > 3 * (strange.shape / strange.days)[0]


def test_how_stories_cluster_is_measured_and_weeks_of_crisis_are_no_clusters() -> None:
    def clustering(series: Series) -> float:
        return float(Baseline().believe(series, market(180), np.array([NOW])).clustering[0])

    days = range(NOW - 170 * DAY, NOW - DAY, 5 * DAY)
    in_fours = Series.of((day, 4, 4) for day in days)
    crisis = Series.of((NOW - 60 * DAY + day * DAY, 4, 4) for day in range(20))
    assert clustering(stories()) == pytest.approx(Baseline().usual_clustering)
    assert clustering(in_fours) > 2.5
    assert clustering(crisis) < 1.5


def test_the_p_value_is_the_tail_of_a_negative_binomial() -> None:
    detector = NegativeSurge(Budget(1000, 1), horizons_min=(1440,))
    found = detector.fires(History(stories(*every(700), *range(NOW - 55, NOW + 1, 5)), market()), NOW)
    assert found is not None
    belief = detector.baseline.believe(stories(*every(700)), market(), np.array([NOW - DAY]))
    mean = (belief.shape / belief.days)[0]
    variance = belief.clustering[0] * mean + mean**2 / min(belief.shape[0], 4)
    tail = nbinom.sf(found.observed - 1, mean**2 / (variance - mean), mean / variance)
    assert found.expected == pytest.approx(mean)
    assert found.p_value == pytest.approx(tail)


def test_p_values_only_fall_while_a_count_grows(detector: NegativeSurge) -> None:
    p_values = []
    for count in range(3, 60):
        found = detector.fires(History(Series.of([(NOW, count, count)]), market()), NOW)
        assert found is not None
        p_values.append(found.p_value)
    assert p_values == sorted(p_values, reverse=True)


def test_severity_only_rises_while_a_count_grows() -> None:
    """Also where an hour with a few stories becomes less probable than a week with many."""
    noon, detector = 50 * DAY + 720, NegativeSurge(Budget(5 / 30, 1))
    before = [16 * DAY * part + 7 * part for part in range(4)]
    before += [noon - minutes for minutes in (8810, 6070, 5260, 4680, 2000, 1950)]
    rows = [(minute, 1, 1) for minute in before]
    less, more = (detector.fires(History(Series.of([*rows, (noon, told, told)]), market()), noon) for told in (3, 4))
    assert less is not None
    assert more is not None
    assert (less.horizon_min, less.severity) == (7 * DAY, "warning")
    assert (more.horizon_min, more.severity) == (60, "warning")


def test_findings_of_many_buckets_are_those_of_each(detector: NegativeSurge) -> None:
    history = History(stories(*range(NOW - 5000, NOW + 1, 250)), market())
    buckets = history.entity.buckets.tolist()
    alone = [found for bucket in buckets if (found := detector.fires(history, bucket))]
    assert detector.findings(history, buckets) == alone
    assert alone


def test_a_larger_budget_and_a_shorter_list_fire_sooner() -> None:
    day = Budget(1, LISTED).thresholds((1440,))[0]
    assert day < Budget(1, LISTED // 2).thresholds((1440,))[0] < Budget(2, LISTED).thresholds((1440,))[0]
    assert Budget(1, LISTED).thresholds((60,))[0] == pytest.approx(day / 24)
    assert Budget(1e9, 1).thresholds((1440,)) == (0.01,)


@pytest.mark.parametrize(
    ("p_value", "count", "expected"),
    [
        (1e-3, 3, "watch"),
        (1e-5, 5, "warning"),
        (1e-5, 4, "watch"),
        (1e-9, 10, "critical"),
        (1e-9, 9, "warning"),
        (1e-9, 3, "watch"),
    ],
)
def test_severity_asks_for_improbable_and_for_large(p_value: float, count: int, expected: str) -> None:
    assert severity(p_value, 1e-3, count) == expected


def test_severities_have_a_rank() -> None:
    assert rank("watch") < rank("warning") < rank("critical")


@pytest.mark.parametrize(
    "build",
    [
        lambda: Budget(0, 10),
        lambda: Budget(1, 0),
        lambda: NegativeSurge(Budget(1, 1), horizons_min=()),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_fix(build: object) -> None:
    with pytest.raises(WrongSettingError, match="give"):
        build()  # type: ignore[operator]


def test_buckets_are_minutes_of_utc() -> None:
    assert time_of(minute_of(time_of(NOW))) == time_of(NOW)
    assert time_of(0).isoformat() == "1970-01-01T00:00:00+00:00"
