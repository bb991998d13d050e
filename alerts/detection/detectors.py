"""Detectors: pure functions of counts. The same code judges the live stream and the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc  # type: ignore[import-untyped]

from alerts.detection.baselines import Baseline, Floats
from alerts.detection.promises import NEGATIVE_SURGE, Promise
from alerts.detection.rule_seen import RuleSeen
from alerts.detection.series import MINUTES_A_DAY, Minutes, Series
from alerts.detection.thresholds import Budget, Severity, gravest
from alerts.errors import WrongSettingError

__all__ = ["RULE", "Counted", "Detector", "Finding", "History", "NegativeSurge"]

RULE: Final = "rule:"
"""So begins the detector of an alert that an operator's rule asked for; the rule's name follows."""

Counted = Literal["negative", "all", "tones", "market"]
"""What a detector looks at: what is said against a company, all that is said about it, the same with its tone, or the
market's own counts."""


@dataclass(frozen=True)
class Finding:
    """A bucket in which a detector fired, told by its least probable horizon. Times are minutes since 1970."""

    bucket: int
    horizon_min: int
    observed: int
    observed_documents: int
    expected: float
    p_value: float
    severity: Severity
    since: int
    """The first bucket within the horizon in which something that counts was said."""
    rule: RuleSeen | None = None
    """Of a rule's finding, which claims nothing of how probable it is: `expected` is 0 then, `p_value` 1."""
    topics: tuple[str, ...] = ()
    """Only documents on these topics were counted; empty: all."""
    previous: int | None = None
    """The last story of that kind before `since`, as far back as the detector looks."""
    step_min: int = 1
    """How many minutes the bucket has."""


@dataclass(frozen=True)
class History:
    """What a detector may look at: one entity's counts by the minute, and the market's by the hour.

    The sums of a market hour stand at its last minute, so that an hour is looked at only when it is complete.
    """

    entity: Series
    market: Series


class Detector(Protocol):
    """One way to find something abnormal. `name` is stored with the alert and never changes its meaning."""

    name: ClassVar[str]
    counted: ClassVar[Counted]

    @property
    def topics(self) -> tuple[str, ...]:
        """It looks at what is said on these topics alone; empty: at all that is said."""

    @property
    def guard_min(self) -> int:
        """Judged is a bucket when all is complete up to this many minutes before it; its baseline ends there."""

    @property
    def reach_min(self) -> int:
        """How many minutes before a bucket can matter to it, baseline included."""

    @property
    def market_reach_min(self) -> int:
        """The same for the counts of the market."""

    @property
    def echo_min(self) -> int:
        """How many minutes after a bucket findings may appear because of it."""

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        """The buckets of `buckets` that fire, in their order."""


@dataclass(frozen=True)
class NegativeSurge:
    """More negative stories within some horizon than the entity's own past makes credible.

    The count of a horizon that ends with bucket b is held against a negative binomial: the belief about the rate
    (see Baseline) widened by how the entity's stories cluster, since one event makes several, and by the swing of the
    day, since an hour of the afternoon is not an hour of the night. The baseline ends `guard_min`, and at least the
    horizon, before b: a surge does not teach that surges are normal while it grows. Within b a count only grows and the
    baseline stays, so the p-value only falls: what has fired is never taken back.

    Stories decide, not documents: fifty reprints of one story are one.
    """

    budget: Budget
    baseline: Baseline = field(default_factory=Baseline)
    horizons_min: tuple[int, ...] = (60, 360, 1440, 4320, 10080)
    guard_min: int = 1440
    min_stories: int = 3

    topics: tuple[str, ...] = ()

    name: ClassVar[str] = "negative_surge"
    counted: ClassVar[Counted] = "negative"
    promise: ClassVar[Promise] = NEGATIVE_SURGE

    def __post_init__(self) -> None:
        if not self.horizons_min or min(self.horizons_min) < 1:
            raise WrongSettingError("horizons_min", self.horizons_min, "give one or more positive minutes")

    @property
    def reach_min(self) -> int:
        days = max(self.baseline.history_days, self.baseline.memory_days)
        return max(self.guard_min, *self.horizons_min) + days * MINUTES_A_DAY + 1

    @property
    def market_reach_min(self) -> int:
        return max(self.guard_min, *self.horizons_min) + self.baseline.history_days * MINUTES_A_DAY + 1

    @property
    def echo_min(self) -> int:
        return max(self.horizons_min)

    def fires(self, history: History, bucket: int) -> Finding | None:
        """The finding at one bucket, or None."""
        found = self.findings(history, (bucket,))
        return found[0] if found else None

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        at = np.asarray(buckets, dtype=np.int64)
        observed = self._observed(history.entity, at)
        # Only where a negative story began has a count grown, so nothing is lost by looking nowhere else.
        grew = self._sums(history.entity, at) > self._sums(history.entity, at - 1)
        worth = grew & (observed.max(axis=1) >= self.min_stories)
        at, observed = at[worth], observed[worth]
        if not at.size:
            return []
        expected, p_values = self._improbable(history, at, observed)
        thresholds = self._thresholds()
        p_values = np.where(observed >= self.min_stories, p_values, 1.0)
        best = np.argmin(p_values / thresholds, axis=1)
        found = []
        for i, j in enumerate(best.tolist()):
            if p_values[i, j] <= thresholds[j]:
                grave = gravest(zip(p_values[i].tolist(), thresholds, observed[i].tolist(), strict=True))
                seen, mean, p_value = (each[i, j].item() for each in (observed, expected, p_values))
                found.append(self._finding(history.entity, int(at[i]), j, seen, mean, p_value, grave))
        return found

    def _thresholds(self) -> tuple[float, ...]:
        return self.budget.thresholds(self.horizons_min, self.promise)

    def _observed(self, series: Series, at: Minutes) -> NDArray[np.int64]:
        """(buckets, horizons) negative stories of the horizon that ends with each bucket."""
        starts = at[:, None] - np.array(self.horizons_min, dtype=np.int64)
        return self._sums(series, at)[:, None] - self._sums(series, starts)

    @staticmethod
    def _sums(series: Series, at: Minutes) -> NDArray[np.int64]:
        return series.total_stories[series.up_to(at)]

    def _improbable(self, history: History, at: Minutes, observed: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """(buckets, horizons) expected counts, and the probability of at least as many as observed."""
        horizons = np.array(self.horizons_min)
        gaps, place = np.unique(np.maximum(self.guard_min, horizons), return_inverse=True)
        belief = self.baseline.believe(history.entity, history.market, (at[:, None] - gaps).ravel())
        shape, days, clustering = (
            each.reshape(at.size, gaps.size)[:, place] for each in (belief.shape, belief.days, belief.clustering)
        )
        mean = shape / days * horizons / MINUTES_A_DAY
        spread = mean * (clustering - 1) + mean**2 / np.minimum(shape, _swing_shape(horizons))
        # P(N >= n) of a negative binomial with this mean and the variance mean + spread.
        p_values = betainc(np.maximum(observed, 1), mean**2 / spread, spread / (mean + spread))
        return mean, p_values

    def _finding(
        self, series: Series, bucket: int, j: int, observed: int, expected: float, p_value: float, grave: Severity
    ) -> Finding:
        horizon = self.horizons_min[j]
        first, last = series.up_to(np.array([bucket - horizon, bucket])).tolist()
        before = int(np.searchsorted(series.total_stories, series.total_stories[first])) - 1
        previous = int(series.buckets[before]) if before >= 0 else bucket - self.reach_min
        return Finding(
            bucket=bucket,
            horizon_min=horizon,
            observed=observed,
            observed_documents=int(series.total_documents[last] - series.total_documents[first]),
            expected=expected,
            p_value=p_value,
            severity=grave,
            since=int(series.buckets[first]),
            topics=self.topics,
            previous=previous if previous > bucket - self.reach_min else None,
        )


_STEADINESS = 4.0
"""The Gamma shape of how a company's rate wanders from day to day: by half, give or take."""


def _swing_shape(horizons_min: NDArray[np.int64]) -> Floats:
    """The Gamma shape of how much the rate itself swings over the day: wide for an hour, narrow from a day on."""
    return np.clip(_STEADINESS * horizons_min / MINUTES_A_DAY, 1.0, _STEADINESS)
