"""How surely and how soon events put into simulated calm are found by each detector of stories, at one promise.

A quiet broken by a few stories, days that have more of them, and slow burns of a fortnight; beside our detectors a
CUSUM, which has no horizons, with the threshold at which it raises as many false alarms on the same calm, one for each
stratum. Shares and means are tried where as much is said as ever and more of it is bad. Writes JSON:
`python tests/bench/bench_stories.py`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.detection.baselines import Baseline
from alerts.detection.calibration import STORIES_A_DAY, episodes
from alerts.detection.calm import CalmStories, CalmTones, calm_market
from alerts.detection.detectors import Detector, History, NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.mean_shift import MeanShift
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.tones import TonedSeries

DAY = MINUTES_A_DAY
DAYS, WARM, START = 330, 200, 280
PROMISED = 0.1
MARKET = calm_market(DAYS)
Minutes = NDArray[np.int64]
Event = Callable[[np.random.Generator, float], Minutes]

EVENTS: dict[str, Event] = {
    "2 stories in 6 h": lambda random, a_day: random.integers(0, 360, 2),
    "3 stories in 6 h": lambda random, a_day: random.integers(0, 360, 3),
    "5 stories in 24 h": lambda random, a_day: random.integers(0, DAY, 5),
    "3 days, 3 times as much": lambda random, a_day: _steady(random, 3, 2 * a_day),
    "a fortnight, twice as much": lambda random, a_day: _steady(random, 14, a_day),
    "a fortnight, rising to 5 times": lambda random, a_day: _rising(random, 14, 4 * a_day),
}


def _steady(random: np.random.Generator, days: int, a_day: float) -> Minutes:
    return random.integers(0, days * DAY, random.poisson(days * a_day))


def _rising(random: np.random.Generator, days: int, a_day: float) -> Minutes:
    return (np.sqrt(random.uniform(size=random.poisson(days * a_day / 2))) * days * DAY).astype(np.int64)


def with_event(series: Series, told: Minutes) -> Series:
    """The series with a story in each of these minutes after START."""
    minutes = np.concatenate((np.repeat(series.buckets, series.stories), START * DAY + told))
    buckets, counts = np.unique(minutes, return_counts=True)
    return Series.of(zip(buckets.tolist(), counts.tolist(), counts.tolist(), strict=True))


def cusum(series: Series) -> tuple[Minutes, NDArray[np.float64]]:
    """At each minute with a story after WARM: a Poisson CUSUM for a doubled rate, on NegativeSurge's belief."""
    at = series.buckets[series.buckets >= WARM * DAY]
    belief = Baseline().believe(series, MARKET, at - DAY)
    rate = belief.shape / belief.days
    sums, gaps = np.zeros(at.size), np.diff(at, prepend=at[:1])
    stories = series.stories[series.buckets >= WARM * DAY]
    for i in range(at.size):
        before = sums[i - 1] if i else 0.0
        sums[i] = max(0.0, before - rate[i] * gaps[i] / DAY) + np.log(2) / belief.clustering[i] * stories[i]
    return at, sums


def fired(detector: Detector, series: Series) -> Minutes:
    """The minutes in which it fires."""
    judged = series.buckets[series.buckets >= WARM * DAY].tolist()
    found = detector.findings(History(series, MARKET), judged)
    return np.array([finding.bucket for finding in found], dtype=np.int64)


def calm_threshold(calm: list[Series]) -> float:
    """Of the CUSUM: as many false alarms as were promised."""
    seen = [cusum(series) for series in calm]
    low, high = 0.0, 50.0
    months = len(calm) * (DAYS - WARM) / 30
    for _ in range(20):
        middle = (low + high) / 2
        alarms = sum(episodes(at[sums >= middle].tolist(), 3 * DAY) for at, sums in seen)
        low, high = (middle, high) if alarms > PROMISED * months else (low, middle)
    return high


def stories(entities: int, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A row for each stratum, event and detector."""
    part = Budget(PROMISED / 30, 1)
    detectors: tuple[Detector, ...] = (NegativeSurge(part), FirstBadNews(part))
    drawn = {}
    for stratum, (low, high) in STORIES_A_DAY.items():
        rates = np.exp(random.uniform(np.log(low), np.log(high), entities)).tolist()
        drawn[stratum] = [(rate, CalmStories(DAYS).draw(random, rate)) for rate in rates]
    for stratum, each in drawn.items():
        limit = calm_threshold([series for _, series in each])
        for name, event in EVENTS.items():
            delays: dict[str, list[int]] = {one.name: [] for one in detectors} | {"cusum": []}
            for rate, series in each:
                told = event(random, rate)
                changed = with_event(series, told)
                last = START * DAY + int(told.max(initial=0)) + DAY
                at, sums = cusum(changed)
                hits = {one.name: fired(one, changed) for one in detectors} | {"cusum": at[sums >= limit]}
                for who, minutes in hits.items():
                    within = minutes[(minutes >= START * DAY) & (minutes <= last)]
                    delays[who] += [int(within[0]) - START * DAY - int(told.min(initial=0))] if within.size else []
            yield {"stratum": stratum, "event": name} | _figures(delays, entities)


def tones(entities: int, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """The same where more of what is said is bad, for a day or for five, and no more is said."""
    part = Budget(PROMISED / 30, 1)
    detectors = (NegativeSurge(part), ShareShift(part), MeanShift(part))
    for stratum, a_day in (("3 stories a day", 3.0), ("20 stories a day", 20.0)):
        for name, days, share in (("a day, 6 in 10 bad", 1, 0.6), ("five days, 4 in 10 bad", 5, 0.4)):
            delays: dict[str, list[int]] = {one.name: [] for one in detectors}
            for _ in range(entities):
                changed = _worse(random, CalmTones(DAYS).draw(random, a_day), days, share)
                for one in detectors:
                    minutes = fired(one, changed if one.counted == "tones" else _negative(changed))
                    within = minutes[(minutes >= START * DAY) & (minutes <= (START + days + 1) * DAY)]
                    delays[one.name] += [int(within[0]) - START * DAY] if within.size else []
            yield {"stratum": stratum, "event": name} | _figures(delays, entities)


def _worse(random: np.random.Generator, series: TonedSeries, days: int, share: float) -> TonedSeries:
    within = (series.buckets >= START * DAY) & (series.buckets < (START + days) * DAY)
    bad = within & (random.uniform(size=within.size) < share)
    rows = zip(
        series.buckets.tolist(),
        series.stories.tolist(),
        series.documents.tolist(),
        np.where(bad, series.stories, series.negative).tolist(),
        (np.where(bad, -700, series.score) * 1000 * series.documents).tolist(),
        strict=True,
    )
    return TonedSeries.told(rows)


def _negative(series: TonedSeries) -> Series:
    rows = zip(series.buckets.tolist(), series.negative.tolist(), series.negative.tolist(), strict=True)
    return Series.of(row for row in rows if row[1])


def _figures(delays: dict[str, list[int]], entities: int) -> dict[str, Any]:
    return {
        who: {
            "found": round(len(each) / entities, 3),
            "median_h": round(float(np.median(each)) / 60, 1) if each else None,
        }
        for who, each in delays.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=200)
    entities, random = parser.parse_args().entities, np.random.default_rng(3)
    print(json.dumps([*stories(entities, random), *tones(max(1, entities // 4), random)], indent=1))


if __name__ == "__main__":
    main()
