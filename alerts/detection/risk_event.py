"""A story of a grave risk (fraud, default, a boss who vanished) about a company of which none was told for long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import ClassVar, Final

import numpy as np

from alerts.detection.baselines import Baseline
from alerts.detection.detectors import Counted, Finding, History, NegativeSurge
from alerts.detection.grave_topics import GRAVE
from alerts.detection.promises import RISK_EVENT, Promise
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget
from alerts.errors import WrongSettingError

__all__ = ["SHARE", "RiskEvent"]

SHARE = 0.25
"""Its part of the budget, against 1 for the surges of the list."""

_COMPANIES_A_STORY: Final = 1000.0
"""So many companies like those of simulated calm bring one grave story a day to tell of: see docs/decisions/0027."""


@dataclass(frozen=True)
class RiskEvent:
    """Fires with the first negative story on one of `topics`, and with later ones where even so many are improbable.

    A company that has such stories all the time, as a rating agency has downgrades, must have many at once: the
    judgement is NegativeSurge's, on the counts of these topics alone. How many companies share `false_alarms_per_day`
    is not only a matter of the list: there are no more alarms than grave stories, so where the whole market had few
    of them in the baseline's days, which are complete when a bucket is judged, fewer companies share it. Severity is at
    least "warning": one such story counts more than forty about the price.
    """

    false_alarms_per_day: float
    entities: int
    topics: tuple[str, ...] = GRAVE
    baseline: Baseline = field(
        default_factory=lambda: Baseline(
            prior_rate_per_day=1e-4, memory_half_life_days=180, memory_weight_days=400, usual_clustering=3
        )
    )
    horizons_min: tuple[int, ...] = (1440,)
    guard_min: int = 1440

    name: ClassVar[str] = "risk_event"
    counted: ClassVar[Counted] = "negative"

    def __post_init__(self) -> None:
        if not self.topics:
            raise WrongSettingError("risk_topics", self.topics, "name one or more topics")
        _of_budget(self, Budget(self.false_alarms_per_day, self.entities))

    @property
    def reach_min(self) -> int:
        return self._whole().reach_min

    @property
    def market_reach_min(self) -> int:
        return self._whole().market_reach_min

    @property
    def echo_min(self) -> int:
        return max(self.horizons_min)

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        plain = history.market.plain(np.asarray(buckets, dtype=np.int64)).tolist()
        sharers_at = {bucket: self._sharers(history.market, bucket) for bucket in set(plain)}
        by_sharers: dict[int, list[int]] = defaultdict(list)
        for bucket, at in zip(buckets, plain, strict=True):
            by_sharers[sharers_at[at]].append(bucket)
        found = [
            finding
            for sharers, each in by_sharers.items()
            for finding in _of_budget(self, Budget(self.false_alarms_per_day, sharers)).findings(history, each)
        ]
        graver = [replace(one, severity="warning") if one.severity == "watch" else one for one in found]
        return sorted(graver, key=lambda finding: finding.bucket)

    def _whole(self) -> NegativeSurge:
        return _of_budget(self, Budget(self.false_alarms_per_day, self.entities))

    def _sharers(self, market: Series, bucket: int) -> int:
        """How many companies share the budget at a bucket: a power of two, or the whole list where that is less."""
        end = bucket - self.guard_min - 1
        since, until = market.up_to(np.array([end - self.baseline.history_days * MINUTES_A_DAY, end])).tolist()
        if since == until:
            return self.entities
        days = (end - int(market.buckets[since])) // MINUTES_A_DAY + 1
        grave = int(market.total_stories[until] - market.total_stories[since]) + 1
        sharers = 1
        while sharers < self.entities and sharers < _COMPANIES_A_STORY * grave / days:
            sharers *= 2
        return min(sharers, self.entities)


@dataclass(frozen=True)
class _GraveSurge(NegativeSurge):
    """NegativeSurge with the promise that was measured for these topics."""

    promise: ClassVar[Promise] = RISK_EVENT


@cache
def _of_budget(event: RiskEvent, budget: Budget) -> NegativeSurge:
    return _GraveSurge(
        budget,
        event.baseline,
        horizons_min=event.horizons_min,
        guard_min=event.guard_min,
        min_stories=1,
        topics=event.topics,
    )
