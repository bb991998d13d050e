"""How soon surges of known size are found on real counts, beside what is usual, and what judging costs.

`python tests/bench/bench_detectors.py [NEWS.jsonl.gz]`: the counts are those of `news_2023.jsonl.gz`, of each publisher
and of the companies named most. Parameters were chosen on `--half 0`; `--half 1` is what was not looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from surges import counts_of_news, power

from alerts.detection.calm import CalmStories, calm_market
from alerts.detection.detectors import NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.judging import find
from alerts.detection.mean_shift import MeanShift
from alerts.detection.risk_event import RiskEvent
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.tones import TonedSeries
from alerts.detection.volume_alarm import VolumeAlarm

ENTITIES, DRAWN = 10_000, 500


@dataclass(frozen=True)
class Told:
    """Counts that are at hand: reading them is not what is measured."""

    companies: dict[str, Series]
    said: dict[str, Series]
    toned: dict[str, TonedSeries]
    whole: Series

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        return {entity_id: self.companies[entity_id] for entity_id in entities}

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        return {entity_id: self.said[entity_id] for entity_id in entities}

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        return {entity_id: self.toned[entity_id] for entity_id in entities}

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        return self.whole


def cost() -> dict[str, Any]:
    """CPU seconds to judge one minute of 10,000 entities, all of them named in it, as the engine does; and in all.

    Of all stories there are ten times as many as of negative ones, as in `yuqing calibrate`.
    """
    random, days = np.random.default_rng(1), 220
    rates = np.exp(random.uniform(np.log(0.001), np.log(6), DRAWN))
    drawn = [CalmStories(days).draw(random, rate) for rate in rates]
    now = days * MINUTES_A_DAY - 1
    touched = [Series.of([*_rows(each), (now, 1, 1)]) for each in drawn]
    reach = now - VolumeAlarm(Budget(1, 1)).reach_min
    said = [Series.of(_since(reach, CalmStories(days).draw(random, 10 * rate), now)) for rate in rates]
    toned = [TonedSeries.told(_toned(each)) for each in touched]
    named = {f"{number}": number % DRAWN for number in range(ENTITIES)}
    counts = Told(
        {entity_id: touched[number] for entity_id, number in named.items()},
        {entity_id: said[number] for entity_id, number in named.items()},
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


def _since(first: int, series: Series, now: int) -> Iterable[tuple[int, int, int]]:
    """What is read of a company that says something now."""
    yield from (row for row in _rows(series) if row[0] >= first)
    yield now, 1, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("news", type=Path, nargs="?", help="left out: only what judging costs")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only every other series")
    parser.add_argument("--seed", type=int, default=1, help="of where and how large surges are")
    given = parser.parse_args()
    if given.news is None:
        print(json.dumps({"seconds_for_10000_entities": cost()}))
        return
    series = counts_of_news(given.news)
    print(f"{len(series)} series, {sum(each.sum() for each in series.values()):,.0f} counts", file=sys.stderr)
    rows = power(series, half=given.half, seed=given.seed)
    print(json.dumps({"series": len(series), "power": rows, "seconds_for_10000_entities": cost()}, indent=1))


if __name__ == "__main__":
    main()
