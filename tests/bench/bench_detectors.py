"""How soon surges of known size are found on real quiet counts, beside what is usual, and what judging costs.

The counts are those of `news_2023.jsonl.gz`: documents in five minutes, of each publisher and of the companies named
most. Surges are put in where calm is; every rival gets the threshold at which it raises as many false alarms on the
untouched counts, so that nobody wins by shouting. `python tests/bench/bench_detectors.py [NEWS.jsonl.gz]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.detection.calibration import episodes
from alerts.detection.calm import CalmStories, calm_market
from alerts.detection.detectors import NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.judging import find
from alerts.detection.mean_shift import MeanShift
from alerts.detection.regular import RegularCounts
from alerts.detection.risk_event import RiskEvent
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.tones import TonedSeries
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.detection.volume_surge import VolumeSurge

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]

STEP_MIN, SLOTS, HOUR = 5, 288, 12
PROMISED = 0.1
WARM_DAYS = 30
APART_DAYS = 12
LENGTH = 6 * HOUR
SIZES = (2, 3, 5, 10)
COMPANIES = 15
ENTITIES, DRAWN = 10_000, 500


def counts_of_news(path: Path) -> dict[str, Floats]:
    """(buckets,) for each publisher and for each of the companies named most."""
    from stream.entities import EntityLinker
    from stream.sources.fields import FieldMap
    from stream.watchlist import load

    fields, linker, now = FieldMap(), EntityLinker(load()), datetime.now(UTC)
    minutes: dict[str, list[int]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            document = fields.document(item, source="news", fetched_at=now)
            minute = int(datetime.fromisoformat(str(document.published_at)).timestamp() // 60)
            for name in (_publisher(document.url), *{mention.entity_id for mention in linker.link(document.title)}):
                minutes.setdefault(name, []).append(minute)
    first = min(map(min, minutes.values())) // MINUTES_A_DAY * MINUTES_A_DAY
    size = (max(map(max, minutes.values())) - first) // MINUTES_A_DAY * SLOTS
    named = Counter({name: len(each) for name, each in minutes.items()})
    publishers = [name for name in named if name.startswith("from ") and named[name] > 500]
    companies = [name for name, _ in named.most_common() if not name.startswith("from ")][:COMPANIES]
    return {
        name: np.bincount((np.array(minutes[name]) - first) // STEP_MIN, minlength=size)[:size].astype(float)
        for name in publishers + companies
    }


def _publisher(url: str) -> str:
    return "from " + url.split("/")[2].removeprefix("www.") if url.count("/") > 2 else "from nowhere"


def rolling(counts: Floats, length: int) -> Floats:
    """The sum of the `length` buckets that end with each."""
    total = np.concatenate(([0.0], np.cumsum(counts)))
    return total[1:] - total[np.maximum(np.arange(counts.size) + 1 - length, 0)]


def fixed(counts: Floats) -> Floats:
    """The last hour."""
    return rolling(counts, HOUR)


def z_score(counts: Floats) -> Floats:
    """The last hour against mean and deviation of the hours of the week before it."""
    hour, week = rolling(counts, HOUR), 7 * SLOTS
    mean, square = (rolling(each, week) / week for each in (hour, hour**2))
    before = np.concatenate((np.zeros(HOUR), np.arange(counts.size)))[: counts.size].astype(int)
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    return (hour - mean[before]) / np.maximum(deviation[before], 0.5)


def last_hour_against_twelve(counts: Floats) -> Floats:
    """Meltwater's rule: the last hour compared with the twelve before it, one count added to each."""
    hour = rolling(counts, HOUR)
    twelve = (rolling(counts, 13 * HOUR) - hour) / 12
    return (hour + 1) / (twelve + 1)


def poisson_scan(counts: Floats) -> Floats:
    """The largest Poisson log likelihood ratio over windows of ten minutes to six hours, against four weeks."""
    rate = np.maximum(rolling(counts, 28 * SLOTS) / (28 * SLOTS), 1e-4)
    rate = np.concatenate((np.full(SLOTS, rate[0]), rate[:-SLOTS]))
    best = np.zeros_like(counts)
    for length in (2, 6, HOUR, 3 * HOUR, 6 * HOUR):
        seen, mean = rolling(counts, length), rate * length
        ratio = np.where(seen > mean, seen * np.log(np.maximum(seen, 1) / mean) - (seen - mean), 0.0)
        best = np.maximum(best, ratio)
    return best


def volume_surge(counts: Floats) -> Floats:
    """Ours, as it watches the live stream."""
    return VolumeAlarm(Budget(1, 1)).surge.judge(RegularCounts(0, STEP_MIN, counts[None])).evidence[0]


def backtest(counts: Floats) -> Floats:
    """Ours, as `yuqing backtest` runs it."""
    return VolumeSurge().judge(RegularCounts(0, STEP_MIN, counts[None])).evidence[0]


SCORES: dict[str, Score] = {
    "volume_surge": volume_surge,
    "backtest": backtest,
    "fixed_threshold": fixed,
    "z_score": z_score,
    "last_hour_against_12": last_hour_against_twelve,
    "poisson_scan": poisson_scan,
}


def alarms(score: Floats, threshold: float) -> int:
    """Episodes after the warm weeks."""
    return episodes((np.flatnonzero(score[WARM_DAYS * SLOTS :] >= threshold) * STEP_MIN).tolist(), MINUTES_A_DAY)


def threshold_of(scores: list[Floats], months: float) -> float:
    """The lowest at which all series together have no more than the promised false alarms."""
    peaks = np.sort(np.concatenate([each[WARM_DAYS * SLOTS :].reshape(-1, SLOTS).max(axis=1) for each in scores]))
    low, high = 0, peaks.size - 1
    while low < high:
        middle = (low + high) // 2
        if sum(alarms(each, peaks[middle]) for each in scores) <= PROMISED * months:
            high = middle
        else:
            low = middle + 1
    return float(peaks[low])


def surge(random: np.random.Generator, shape: str, extra: float) -> Floats:
    """(LENGTH,) counts on top: `extra` a bucket on its plateau; a burst has as many in all as the step."""
    time = np.arange(LENGTH)
    form = {"step": np.ones(LENGTH), "ramp": (time + 1) / LENGTH, "burst": np.exp(-time / HOUR) * LENGTH / HOUR}[shape]
    return random.poisson(extra * form).astype(float)


def power(series: dict[str, Floats], quiet: dict[str, Floats]) -> list[dict[str, Any]]:
    """For each rival, shape and size: the share found within the surge and the hour after it, and the median delay."""
    months = sum(each.size / SLOTS - WARM_DAYS for each in series.values()) / 30
    rows = []
    limits = {}
    for name, score in SCORES.items():
        limits[name] = threshold_of([score(each) for each in series.values()], months)
    for shape in ("step", "ramp", "burst"):
        for size in SIZES:
            found: dict[str, list[float]] = {name: [] for name in SCORES}
            tried = 0
            for key, counts in series.items():
                random = np.random.default_rng(len(key) + size)
                places = _places(random, counts, quiet[key])
                changed = counts.copy()
                for place in places:
                    level = counts[place - 28 * SLOTS : place].mean()
                    changed[place : place + LENGTH] += surge(random, shape, (size - 1) * level)
                tried += len(places)
                for name, score in SCORES.items():
                    high = score(changed) >= limits[name]
                    for place in places:
                        hits = np.flatnonzero(high[place : place + LENGTH + HOUR])
                        found[name] += [float(hits[0] * STEP_MIN)] if hits.size else []
            for name, delays in found.items():
                delay = float(np.median(delays)) if delays else None
                share = round(len(delays) / tried, 3)
                rows.append({"rival": name, "shape": shape, "times": size, "found": share, "median_delay_min": delay})
    return rows


def _places(random: np.random.Generator, counts: Floats, evidence: Floats) -> list[int]:
    """Where surges go in: far apart, and where our own evidence is nought for a day before and after."""
    places = []
    for day in range(WARM_DAYS, counts.size // SLOTS - 2, APART_DAYS):
        place = day * SLOTS + int(random.integers(SLOTS))
        if evidence[place - SLOTS : place + SLOTS].max() < 1:
            places.append(place)
    return places


@dataclass(frozen=True)
class Told:
    """Counts that are at hand: reading them is not what is measured."""

    companies: dict[str, Series]
    toned: dict[str, TonedSeries]
    whole: Series

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        return {entity_id: self.companies[entity_id] for entity_id in entities}

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        return self.entities(entities, since, until)

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        return {entity_id: self.toned[entity_id] for entity_id in entities}

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        return self.whole


def cost() -> dict[str, Any]:
    """CPU seconds to judge one minute of 10,000 entities, all of them named in it, as the engine does; and in all."""
    random, days = np.random.default_rng(1), 220
    rates = np.exp(random.uniform(np.log(0.001), np.log(6), DRAWN))
    drawn = [CalmStories(days).draw(random, rate) for rate in rates]
    now = days * MINUTES_A_DAY - 1
    touched = [Series.of([*_rows(each), (now, 1, 1)]) for each in drawn]
    toned = [TonedSeries.told(_toned(each)) for each in touched]
    named = {f"{number}": number % DRAWN for number in range(ENTITIES)}
    counts = Told(
        {entity_id: touched[number] for entity_id, number in named.items()},
        {entity_id: toned[number] for entity_id, number in named.items()},
        calm_market(days),
    )
    jobs = [(now, entity_id) for entity_id in counts.companies]
    budget = Budget(1, 7114)
    detectors = (
        NegativeSurge(budget),
        FirstBadNews(budget),
        RiskEvent(1, 7114),
        ShareShift(budget),
        MeanShift(budget),
        VolumeAlarm(budget),
    )
    seconds: dict[str, float] = {}
    for detector in detectors:
        began = process_time()
        find(detector, jobs, now, counts)
        seconds[detector.name] = round(process_time() - began, 2)
    return seconds | {"all": round(sum(seconds.values()), 2)}


def _toned(series: Series) -> Iterable[tuple[int, int, int, int, int]]:
    """Half of what is said is negative; the last of it too."""
    rows = zip(series.buckets.tolist(), series.stories.tolist(), series.documents.tolist(), strict=True)
    for place, (bucket, stories, documents) in enumerate(rows, series.buckets.size % 2):
        yield bucket, stories, documents, stories * (place % 2), -documents * 500_000 * (place % 2)


def _rows(series: Series) -> Iterable[tuple[int, int, int]]:
    rows = zip(series.buckets.tolist(), series.stories.tolist(), series.documents.tolist(), strict=True)
    return (row for row in rows if row[0] != series.buckets[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("news", type=Path, nargs="?", help="left out: only what judging costs")
    news = parser.parse_args().news
    if news is None:
        print(json.dumps({"seconds_for_10000_entities": cost()}))
        return
    series = counts_of_news(news)
    print(f"{len(series)} series, {sum(each.sum() for each in series.values()):,.0f} counts", file=sys.stderr)
    rows = power(series, {name: volume_surge(each) for name, each in series.items()})
    print(json.dumps({"series": len(series), "power": rows, "seconds_for_10000_entities": cost()}, indent=1))


if __name__ == "__main__":
    main()
