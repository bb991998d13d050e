"""A surge of bad news about a name that no watch list has, judged as NegativeSurge judges a company."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from alerts.detection.baselines import Baseline
from alerts.detection.detectors import Counted, Finding, History, NegativeSurge
from alerts.detection.name_counts import SourcedSeries
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.thresholds import Budget
from alerts.errors import WrongSettingError

__all__ = ["SHARE", "UnlistedSurge"]

SHARE = 0.125
"""Its part of the budget, against 1 for the companies of the list: who is not watched matters less. UnlistedVolume has
as much, and the two together what any other detector of the list has."""

_LEAST_NAMES = 500
_NAMES_A_STORY = 0.5
"""So many names come with a negative story, well rounded up: in the news of 2023 it was 0.18 (decision 0025)."""


@dataclass(frozen=True)
class UnlistedSurge:
    """Fires as NegativeSurge does, with `false_alarms_per_day` for all names together, and told by `min_sources`.

    How many names share the budget is not known beforehand: it is taken from the bad news of the whole market in the
    baseline's days, which are complete when a bucket is judged, and is at least `_LEAST_NAMES`. Names have no long
    memory: their past is read from documents, no further back than the baseline. The sources are counted over the
    longest horizon, whichever fired, so that more stories never take an alarm back.
    """

    false_alarms_per_day: float
    baseline: Baseline = field(default_factory=lambda: Baseline(memory_days=21))
    horizons_min: tuple[int, ...] = (60, 360, 1440, 4320, 10080)
    guard_min: int = 1440
    min_stories: int = 3
    min_sources: int = 2

    topics: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "unlisted_surge"
    counted: ClassVar[Counted] = "negative"

    def __post_init__(self) -> None:
        if self.false_alarms_per_day <= 0:
            raise WrongSettingError("false_alarms_per_day", self.false_alarms_per_day, "give a number above 0")

    @property
    def reach_min(self) -> int:
        return _of_one(self, _LEAST_NAMES).reach_min

    @property
    def market_reach_min(self) -> int:
        return _of_one(self, _LEAST_NAMES).market_reach_min

    @property
    def echo_min(self) -> int:
        return max(self.horizons_min)

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        by_names: dict[int, list[int]] = defaultdict(list)
        for bucket in buckets:
            by_names[self._names(history.market, bucket)].append(bucket)
        found = [
            finding for names, each in by_names.items() for finding in _of_one(self, names).findings(history, each)
        ]
        told = history.entity
        if isinstance(told, SourcedSeries):
            found = [one for one in found if told.sources(one.bucket, self.echo_min) >= self.min_sources]
        return sorted(found, key=lambda finding: finding.bucket)

    def _names(self, market: Series, bucket: int) -> int:
        """How many names share the budget at a bucket: a power of two from `_LEAST_NAMES` on."""
        end = bucket - self.guard_min - 1
        span = np.array([end - self.baseline.history_days * MINUTES_A_DAY, end])
        since, until = market.up_to(span).tolist()
        names = _LEAST_NAMES
        while names < _NAMES_A_STORY * int(market.total_stories[until] - market.total_stories[since]):
            names *= 2
        return names


@cache
def _of_one(surge: UnlistedSurge, names: int) -> NegativeSurge:
    """The judgement of a single name when so many share the budget."""
    return NegativeSurge(
        Budget(surge.false_alarms_per_day / names, 1),
        surge.baseline,
        horizons_min=surge.horizons_min,
        guard_min=surge.guard_min,
        min_stories=surge.min_stories,
    )
