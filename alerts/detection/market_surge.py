"""Bad news of the whole market far beyond what this hour of the week usually has: one alarm about a day of crashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from alerts.detection.detectors import Counted, Finding, History
from alerts.detection.expectation import trailing
from alerts.detection.promises import MARKET_SURGE, Promise
from alerts.detection.regular import Floats, RegularCounts
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget, severity
from alerts.detection.volume_surge import Judged, VolumeSurge

__all__ = ["SHARE", "MarketSurge"]

SHARE = 0.02
"""Its part of the budget, against 1 for the surges of the list: while it is on, companies' lesser alerts are held."""

_DAYS_A_MONTH = 30
_ROUNDING = 1e-9
_LEAST_EVIDENCE = 0.5
"""No budget is so generous that what every other day brings is a surge."""


@dataclass(frozen=True)
class MarketSurge:
    """VolumeSurge, as a backtest of counts runs it, of all negative stories, whether or not they name a company.

    It fires in the `step_min` minutes in which the evidence reaches what its part of the budget asks for. The market is
    an entity of its own and the only one, so the whole part is its. A count of an hour that is not over yet can only
    grow.

    A day is judged from its own counts and those of the `history_days` before it, whatever else is known: so it does
    not matter when the stream began or how much was fetched. Days on which the market said fewer than
    `awake_documents` things are not known, but for the last, of which more may still be read. What is learned ends more
    than `guard_min` before the bucket, and the evidence only grows with the counts after that, so an alarm is never
    taken back. `min_stories` within its longest horizon are the least that fires; the rarest that has so many is told.
    """

    budget: Budget
    surge: VolumeSurge = field(default_factory=lambda: VolumeSurge(horizons_min=(60, 180, 720)))
    promise: Promise = MARKET_SURGE
    history_days: int = 28
    awake_documents: int = 20
    min_stories: int = 10
    step_min: int = 60

    topics: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "market_surge"
    counted: ClassVar[Counted] = "market"

    @property
    def guard_min(self) -> int:
        return MINUTES_A_DAY - self.surge.expectation.around_min - 2 * self.step_min

    @property
    def reach_min(self) -> int:
        return (self.history_days + 1) * MINUTES_A_DAY

    @property
    def market_reach_min(self) -> int:
        return self.reach_min

    @property
    def echo_min(self) -> int:
        return max(self.surge.horizons_min) + self.step_min

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        days: dict[int, list[int]] = defaultdict(list)
        for step in self._worth(history.entity, buckets):
            days[step * self.step_min // MINUTES_A_DAY].append(step)
        return [finding for day, steps in sorted(days.items()) for finding in self._of_day(history, day, steps)]

    def _worth(self, series: Series, buckets: Sequence[int]) -> list[int]:
        """The steps of the buckets in whose longest horizon enough was said to fire; most of the time it was not."""
        steps = np.unique(np.asarray(buckets, dtype=np.int64) // self.step_min)
        ends = (steps + 1) * self.step_min - 1
        until, before = (series.total_stories[series.up_to(at)] for at in (ends, ends - max(self.surge.horizons_min)))
        worth: list[int] = steps[until - before >= self.min_stories].tolist()
        return worth

    def _of_day(self, history: History, day: int, steps: Sequence[int]) -> list[Finding]:
        first = (day - self.history_days) * MINUTES_A_DAY
        counts = RegularCounts(first, self.step_min, self._counts(history, first)[None])
        places = [(step, step - first // self.step_min) for step in steps]
        beyond = self._beyond_calm(counts)
        if not any(beyond[place] for _, place in places):
            return []
        judged = self.surge.judge(counts)
        threshold = max(_LEAST_EVIDENCE, self.promise.threshold(self.budget.promised_a_month))
        return [
            self._finding(history.entity, step, judged, place)
            for step, place in places
            if judged.evidence[0, place] >= threshold
        ]

    def _beyond_calm(self, counts: RegularCounts) -> NDArray[np.bool_]:
        """(buckets,) where there may be evidence: a horizon of the last day has more than calm brings every other day.

        What calm brings follows from the days before and the beginning of the last one (`Expectation.around_min`), and
        need not be worked out again while the last day goes on.
        """
        known = counts.values.shape[1] - counts.slots + self.surge.expectation.around_min // self.step_min
        ceilings = _ceilings(self.surge, counts.first, self.step_min, counts.values[0, :known].tobytes())
        lengths = [each // self.step_min for each in sorted(self.surge.horizons_min)]
        observed = np.concatenate([trailing(counts.values, length) for length in lengths])
        beyond: NDArray[np.bool_] = np.any(observed > ceilings * (1 - _ROUNDING), axis=0)
        return beyond

    def _counts(self, history: History, first: int) -> Floats:
        """(buckets,) the stories of each step of the history and the day itself; NaN on days that slept.

        What the market says of yesterday is not complete when a bucket of today is judged, so yesterday was awake.
        """
        days = self.history_days + 1
        edges = first + np.arange(days * MINUTES_A_DAY // self.step_min + 1) * self.step_min
        series, market = history.entity, history.market
        counts = np.diff(series.total_stories[series.up_to(edges - 1)]).astype(np.float64)
        midnights = first + np.arange(self.history_days) * MINUTES_A_DAY
        said = np.diff(market.total_documents[market.up_to(midnights - 1)])
        asleep = np.append(said < self.awake_documents, [False, False])
        return np.where(np.repeat(asleep, counts.size // days), np.nan, counts)

    def _finding(self, series: Series, step: int, judged: Judged, place: int) -> Finding:
        enough = [each for each in judged.horizons if each.observed[0, place] >= self.min_stories]
        seen = max(enough, key=lambda each: each.rarity[0, place])
        end = (step + 1) * self.step_min
        inside, ends = series.up_to(np.array([end - 1 - seen.horizon_min, end - 1])).tolist()
        observed, documents = (
            int(total[ends] - total[inside]) for total in (series.total_stories, series.total_documents)
        )
        a_day = float(self.promise.rate(judged.evidence[0, place])) / _DAYS_A_MONTH
        return Finding(
            bucket=step * self.step_min,
            horizon_min=seen.horizon_min,
            observed=observed,
            observed_documents=documents,
            expected=float(seen.mean[0, place]),
            p_value=min(1.0, a_day),
            severity=severity(a_day, self.budget.promised_a_month / _DAYS_A_MONTH, observed),
            since=series.first_story(inside) // self.step_min * self.step_min,
            step_min=self.step_min,
        )


@lru_cache(maxsize=8)
def _ceilings(surge: VolumeSurge, first: int, step_min: int, known: bytes) -> Floats:
    """(horizons, buckets of whole days) the counts up to which no bucket is rare, as far as what is `known` tells."""
    counts = RegularCounts(first, step_min, np.frombuffer(known)[None]).whole_days()
    return np.concatenate([seen.ceiling for seen in surge.judge(counts).horizons])
