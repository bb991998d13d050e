"""More of what is said about a company is negative than its own past makes credible, however much is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, cast

import numpy as np
from scipy.special import betainc  # type: ignore[import-untyped]

from alerts.detection.detectors import Counted, Finding, History
from alerts.detection.promises import SHARE_SHIFT, Promise
from alerts.detection.series import MINUTES_A_DAY
from alerts.detection.thresholds import Budget, severity
from alerts.detection.tone_past import Floats, Past, Stretch, TonePast, stretch
from alerts.detection.tones import TonedSeries

__all__ = ["SHARE", "ShareShift"]

SHARE = 0.25
"""Its part of the budget, and that of MeanShift, against 1 for the surges of the list."""


@dataclass(frozen=True)
class ShareShift:
    """Fires where the negative stories of a horizon are improbably many of all its stories, by a binomial.

    The share is the company's own, from a past that ends at least a day and the horizon before the bucket. Stories come
    in clusters, of which one event decides the tone: `clustering` of them count as one. And days have their own share:
    however many stories there are, they tell no more than `steadiness` independent ones. A share falls when harmless
    stories come, so a bucket is judged only when it is complete.
    """

    budget: Budget
    past: TonePast = field(default_factory=TonePast)
    horizons_min: tuple[int, ...] = (1440, 4320, 10080)
    clustering: float = 1.5
    steadiness: float = 30.0
    min_stories: int = 3

    topics: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "share_shift"
    counted: ClassVar[Counted] = "tones"
    promise: ClassVar[Promise] = SHARE_SHIFT
    guard_min: ClassVar[int] = -1

    @property
    def reach_min(self) -> int:
        return 2 * max(MINUTES_A_DAY, *self.horizons_min) + self.past.days * MINUTES_A_DAY + 1

    @property
    def market_reach_min(self) -> int:
        return 0

    @property
    def echo_min(self) -> int:
        return max(self.horizons_min)

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        series = cast(TonedSeries, history.entity)
        at = np.asarray(buckets, dtype=np.int64)
        at = at[series.total_negative[series.up_to(at)] > series.total_negative[series.up_to(at - 1)]]
        if not at.size:
            return []
        horizons = np.array(self.horizons_min)
        now = stretch(series, at[:, None] - horizons, np.broadcast_to(at[:, None], (at.size, horizons.size)))
        past = self.past.learn(series, at[:, None] - np.maximum(MINUTES_A_DAY, horizons))
        p_values = np.where(now.negative >= self.min_stories, self._p_values(now, past), 1.0)
        thresholds = np.array(self.budget.thresholds(self.horizons_min, self.promise))
        best = np.argmin(p_values / thresholds, axis=1)
        found = []
        for i, j in enumerate(best.tolist()):
            p_value, threshold, observed = (float(each) for each in (p_values[i, j], thresholds[j], now.negative[i, j]))
            if p_value > threshold:
                continue
            seen = self._finding(series, int(at[i]), self.horizons_min[j], int(observed))
            usual = float(past.share[i, j] * now.stories[i, j])
            grave = severity(p_value, threshold, int(observed))
            found.append(replace(seen, expected=usual, p_value=p_value, severity=grave))
        return found

    def _p_values(self, now: Stretch, past: Past) -> Floats:
        """The probability of at least so many negative ones among so many."""
        alike = self._alike(now.stories)
        tail: Floats = betainc(
            np.maximum(now.negative, 1) / alike, (now.stories - now.negative) / alike + 1, past.share
        )
        return tail

    def _alike(self, stories: Floats) -> Floats:
        """How many stories count as one: those of one event, and the more the more there are in a day."""
        return self.clustering + stories / self.steadiness

    @staticmethod
    def _finding(series: TonedSeries, bucket: int, horizon_min: int, observed: int) -> Finding:
        """What was seen, without what it was held against."""
        first, last = series.up_to(np.array([bucket - horizon_min, bucket])).tolist()
        return Finding(
            bucket=bucket,
            horizon_min=horizon_min,
            observed=observed,
            observed_documents=int(series.total_documents[last] - series.total_documents[first]),
            expected=0.0,
            p_value=1.0,
            severity="watch",
            since=int(series.buckets[first]),
        )
