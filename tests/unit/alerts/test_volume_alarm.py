"""Volume on the live stream: it fires where the backtest does, and however the stream is cut."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from alert_books import AlertBooks, Told
from count_worlds import SLOTS, Event, add_event, calm
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detection.calm import calm_market
from alerts.detection.detectors import History
from alerts.detection.rarity import Rarity
from alerts.detection.regular import RegularCounts
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.detection.volume_surge import VolumeSurge

DAY = MINUTES_A_DAY
QUIET = timedelta(days=1)


def series_of(counts: np.ndarray) -> Series:
    """Each count of five minutes in the first of them."""
    return Series.of((5 * i, 0, int(count)) for i, count in enumerate(counts) if count)


@pytest.fixture(scope="module")
def surge() -> np.ndarray:
    random = np.random.default_rng(11)
    return add_event(random, calm(random, 35, 10, 0.3), Event(33 * SLOTS + 50, 12))


def test_it_fires_where_the_backtest_of_the_same_weeks_does(surge: np.ndarray) -> None:
    detector = VolumeAlarm(Budget(0.2 / 30, 1))
    history = History(series_of(surge), calm_market(36))
    day = range(33 * DAY, 34 * DAY, 5)
    found = detector.findings(history, day)
    weeks = RegularCounts(5 * DAY, 5, surge[None, 5 * SLOTS : 34 * SLOTS])
    evidence = detector.surge.judge(weeks).evidence[0, 28 * SLOTS :]
    fires = np.flatnonzero(evidence >= detector.promise.threshold(0.2)) * 5 + 33 * DAY
    assert [finding.bucket for finding in found] == fires.tolist()
    assert found[0].bucket - (33 * SLOTS + 50) * 5 in range(30)
    assert found[0].observed > 3 * found[0].expected
    assert all(33 * DAY <= finding.since <= finding.bucket for finding in found)


def test_how_much_of_the_past_was_fetched_does_not_matter(surge: np.ndarray) -> None:
    detector, market = VolumeAlarm(Budget(0.2 / 30, 1)), calm_market(36)
    first = (33 * SLOTS + 50) * 5
    fetched = surge.copy()
    fetched[: (first - detector.reach_min) // 5] = 0
    buckets = range(first, first + 60, 5)
    whole, part = (detector.findings(History(series_of(each), market), buckets) for each in (surge, fetched))
    assert whole == part
    assert whole


def test_a_stream_that_has_just_begun_is_not_a_surge() -> None:
    counts = np.zeros(35 * SLOTS)
    counts[30 * SLOTS :] = 20
    began = Series.of((minute, 1, 100) for minute in range(30 * DAY + 59, 35 * DAY, 60))
    detector = VolumeAlarm(Budget(0.2 / 30, 1))
    history = History(series_of(counts), began)
    assert detector.findings(history, range(30 * DAY, 35 * DAY, 5)) == []
    assert detector.findings(History(series_of(counts), calm_market(36)), range(30 * DAY, 35 * DAY, 5)) != []


def test_what_the_market_said_after_the_guard_does_not_matter(surge: np.ndarray) -> None:
    detector = VolumeAlarm(Budget(0.2 / 30, 1))
    judged = range(33 * DAY, 34 * DAY, 5)
    known = 33 * DAY - detector.guard_min
    rows = [(hour * 60 + 59, 1, 0 if known < hour * 60 + 59 < 33 * DAY else 6) for hour in range(36 * 24)]
    busier = [(minute, 1, 6) for minute, *_ in rows]
    counts = surge.copy()
    counts[33 * SLOTS : 33 * SLOTS + 50] += 60  # while yesterday is within the horizons
    found, again = (detector.findings(History(series_of(counts), Series.of(each)), judged) for each in (rows, busier))
    assert [one.bucket for one in found] == [one.bucket for one in again]
    assert [one.p_value for one in found] == [one.p_value for one in again]
    assert found[0].bucket < 33 * DAY + 60


def quick_detector() -> VolumeAlarm:
    """One that lives in days rather than weeks and fires on a few documents."""
    eager = VolumeSurge(grains=1, rarity=Rarity(median=0.3, excess=0.2))
    return VolumeAlarm(Budget(5, 5), eager, history_days=4, awake_documents=1, min_documents=3)


bursts = st.builds(
    lambda start, entity, offsets: [Told(start + offset, entity) for offset in offsets],
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
