"""Volume on the live stream: a surge of stories is found within minutes, and the same however the stream is cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from alert_books import AlertBooks, Told
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detection.calm import CalmStories, calm_market
from alerts.detection.detectors import Finding, History
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget
from alerts.detection.usual_stories import UsualStories
from alerts.detection.volume_alarm import VolumeAlarm

DAY = MINUTES_A_DAY
DAYS = 60
NOON = 50 * DAY + 720
QUIET = timedelta(days=1)
DETECTOR = VolumeAlarm(Budget(0.1 / 30, 1))
MARKET = calm_market(DAYS)


def calm(a_day: float, seed: int = 1) -> list[int]:
    """The minutes of a company's stories."""
    return CalmStories(50).draw(np.random.default_rng(seed), a_day).buckets.tolist()


def series_of(minutes: list[int]) -> Series:
    told, stories = np.unique(minutes, return_counts=True)
    return Series.of(zip(told.tolist(), stories.tolist(), (2 * stories).tolist(), strict=True))


def found(minutes: list[int], since: int, market: Series = MARKET, detector: VolumeAlarm = DETECTOR) -> list[Finding]:
    series = series_of(minutes)
    return detector.findings(History(series, market), series.buckets[series.buckets >= since].tolist())


@pytest.mark.parametrize("a_day", [0.05, 0.3, 2, 12])
def test_ten_times_as_much_within_an_hour_or_two_is_told_while_it_grows(a_day: float) -> None:
    extra = [NOON + 11 * step for step in range(max(6, round(a_day * 2)))]
    first, *_ = found([*calm(a_day), *extra], NOON)
    assert extra[0] < first.bucket <= extra[-1]
    assert first.observed > 5 * first.expected
    assert first.observed_documents == 2 * first.observed
    assert NOON - DAY <= first.since <= first.bucket
    assert first.p_value <= DETECTOR.budget.promised_a_month / 30


def test_calm_weeks_raise_next_to_nothing() -> None:
    alarms = [found(calm(a_day, seed), 40 * DAY) for a_day in (0.05, 0.5, 5) for seed in range(2, 12)]
    assert sum(bool(each) for each in alarms) <= 2


def test_what_comes_in_the_same_minutes_is_one_publication_more_often_than_an_event() -> None:
    batch, spread = [NOON] * 6, [NOON + 12 * step for step in range(6)]
    evidence = [
        max(DETECTOR.evidence(History(series_of([*calm(1), *each]), MARKET), range(NOON, NOON + 60)).values())
        for each in (batch, spread)
    ]
    assert evidence[0] < evidence[1] - 0.5


def test_what_comes_at_this_hour_of_every_working_day_is_usual() -> None:
    daily = [DAY * day + minute for day in range(8, 58) for minute in range(840, 900, 12) if (day + 3) % 7 < 5]
    at_the_hour, at_night = (
        max(DETECTOR.evidence(History(series_of([*daily, *extra]), MARKET), extra).values(), default=0)
        for extra in ([57 * DAY + start + 12 * step for step in range(5)] for start in (840, 200))
    )
    assert at_the_hour < 2 < at_night


def test_what_is_expected_is_told_in_stories_also_of_a_company_whose_stories_come_in_batches() -> None:
    batches = [360 * part for part in range(51 * 4) for _ in range(9)]
    surge = [NOON + 5 + 10 * step for step in range(30)]
    *_, last = found([*batches, *surge], NOON, detector=replace(DETECTOR, horizons_min=(DAY,)))
    assert (last.observed, last.horizon_min) == (36 + 30, DAY)
    assert last.expected == pytest.approx(36, rel=0.1)


def test_a_crisis_does_not_excuse_the_next() -> None:
    first = [NOON - 10 * DAY + 15 * step for step in range(80)]
    second = [NOON + 11 * step for step in range(10)]
    before, after = (found([*calm(0.3), *crisis, *second], NOON) for crisis in ([], first))
    assert before[0].bucket <= after[0].bucket <= second[-1]


def test_severity_only_rises_while_counts_grow() -> None:
    """Also where six hours with a few stories become less probable than the day with many."""
    daily = [DAY * day + 7 * day % 40 for day in range(49)]
    before = [NOON - minutes for minutes in (1120, 720, 670, 460, 460, 320, 12)]
    detector = VolumeAlarm(Budget(0.1, 1))
    (less,), (more,) = (found([*daily, *before, *now], NOON, detector=detector) for now in ([NOON], [NOON, NOON]))
    assert (less.horizon_min, less.severity) == (DAY, "warning")
    assert (more.horizon_min, more.severity) == (360, "warning")


def test_it_is_said_since_the_first_story_not_since_a_reprint_of_an_older_one() -> None:
    stories = [(NOON + 7 * step, 1, 2) for step in range(12)]
    series = Series.of([(NOON - 12, 0, 3), *stories])
    told = DETECTOR.findings(History(series, MARKET), range(NOON, NOON + 90))
    assert {each.since for each in told if each.bucket - each.horizon_min < NOON - 15} == {NOON}


def test_a_stream_that_has_just_begun_is_not_a_surge() -> None:
    minutes = list(range(45 * DAY, 51 * DAY, 30))
    began = Series.of((minute, 1, 100) for minute in range(45 * DAY + 59, 51 * DAY, 60))
    assert found(minutes, 45 * DAY, began) == []
    assert found(minutes, 45 * DAY) != []


def test_days_on_which_nothing_was_read_are_not_calm() -> None:
    minutes = [each for each in range(0, 51 * DAY, 120) if not 32 * DAY <= each < 49 * DAY]
    rows = ((hour * 60 + 59, 1, 0 if 32 * DAY <= hour * 60 < 49 * DAY else 6) for hour in range(51 * 24))
    assert found(minutes, 49 * DAY, Series.of(rows)) == []
    assert found(minutes, 49 * DAY) != []


def test_how_much_of_the_past_was_fetched_does_not_matter() -> None:
    minutes = [*calm(3), *(NOON + 7 * step for step in range(12))]
    fetched = [minute for minute in minutes if minute >= NOON - DETECTOR.reach_min]
    assert len(fetched) < len(minutes)
    assert found(minutes, NOON) == found(fetched, NOON) != []


def test_what_comes_after_the_guard_teaches_nothing() -> None:
    surge = [NOON + 7 * step for step in range(12)]
    known = NOON + 90 - DETECTOR.guard_min
    later = [minute for minute in range(known, NOON - DAY // 2, 20) if minute < NOON - max(DETECTOR.horizons_min[:-1])]
    short = replace(DETECTOR, horizons_min=DETECTOR.horizons_min[:-1])
    alone, again = (found([*calm(3), *more, *surge], NOON, detector=short)[:3] for more in ([], later))
    assert alone == again != []
    rows = [(hour * 60 + 59, 1, 6 if hour * 60 + 59 <= known else 0) for hour in range(DAYS * 24)]
    assert found([*calm(3), *surge], NOON, Series.of(rows), short)[:3] == alone


def test_the_evidence_is_what_fires() -> None:
    minutes = [*calm(3), *(NOON + 7 * step for step in range(12))]
    history = History(series_of(minutes), MARKET)
    evidence = DETECTOR.evidence(history, range(NOON, NOON + 200))
    threshold = DETECTOR.promise.threshold(DETECTOR.budget.promised_a_month)
    fires = [bucket for bucket, each in evidence.items() if each >= threshold]
    assert [each.bucket for each in DETECTOR.findings(history, range(NOON, NOON + 200))] == fires != []


def quick_detector() -> VolumeAlarm:
    """One that lives in days rather than weeks and fires on a few stories."""
    usual = UsualStories(days=3, cluster_days=2, rate_days=2, awake_documents=1)
    return VolumeAlarm(Budget(60, 5), usual, horizons_min=(15, 60, 360), min_stories=2, least_days=0.5)


bursts = st.builds(
    lambda start, entity, offsets: [Told(start + offset, entity, bad=offset % 2 == 0) for offset in offsets],
    st.integers(0, 8 * DAY),
    st.sampled_from(("acme", "bank")),
    st.lists(st.integers(0, 200), min_size=1, max_size=10),
)


@settings(max_examples=25)
@given(told=st.lists(bursts, min_size=2, max_size=8), data=st.data())
def test_any_cut_of_a_stream_raises_the_same_alarms(told: list[list[Told]], data: st.DataObject) -> None:
    documents = sorted((document for burst in told for document in burst), key=lambda each: each.minute)
    whole, cut = AlertBooks(quick_detector(), QUIET), AlertBooks(quick_detector(), QUIET)
    whole.take(documents)
    whole.judge()
    while documents:
        size = data.draw(st.integers(1, len(documents)), label="batch")
        cut.take(documents[:size])
        documents = documents[size:]
        if data.draw(st.booleans(), label="engine looks"):
            cut.judge(data.draw(st.integers(1, 20), label="jobs at once"))
    for books in (whole, cut):
        books.take([Told(20 * DAY, "coal", story=False)])
        books.judge()
    assert cut.outcome() == whole.outcome()


def test_the_quick_detector_of_that_test_fires() -> None:
    books = AlertBooks(quick_detector(), QUIET)
    books.take(
        [Told(60 * hour, "other") for hour in range(6 * 24)] + [Told(5 * DAY + 12 * step, "acme") for step in range(8)]
    )
    books.judge()
    assert {entity for entity, *_ in books.outcome()} == {"acme"}
