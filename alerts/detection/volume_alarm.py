"""More stories about a company than its own past makes credible, whatever they say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc  # type: ignore[import-untyped]

from alerts.detection.baselines import Floats
from alerts.detection.detectors import Counted, Finding, History
from alerts.detection.promises import VOLUME_ALARM, Promise
from alerts.detection.series import MINUTES_A_DAY, Minutes, Series
from alerts.detection.story_steps import StorySteps
from alerts.detection.thresholds import Budget, Severity, gravest
from alerts.detection.usual_stories import Usual, UsualStories

__all__ = ["SHARE", "VolumeAlarm"]

SHARE: Final = 0.25
"""Its part of the budget, against 1 for the surges of bad news of the list."""

_DAYS_A_MONTH: Final = 30
_LEAST_EVIDENCE: Final = 2.0
"""No budget is so generous that a one-in-a-hundred count is a surge."""

_LEAST_SHARING: Final = 50


@dataclass(frozen=True)
class VolumeAlarm:
    """Fires in the `step_min` minutes in which the stories of some horizon are improbable enough.

    The stories of each horizon that ends with a step are held against a negative binomial: the usual mean at this time
    of the week, the width that the company's own clusters have (see UsualStories), and a rate that itself swings by
    `swing` of its square. The evidence is -log10 of the least probability of all horizons; how often calm gets so far
    is measured (`promise`). `min_stories` in a horizon are the least that fires; before `least_days` are known nothing
    does.

    The budget is shared by the companies that are in the news, but by no more than the market says things on a day,
    `named_a_document` for each document: of others less than one story a day is told, and few of them clash by chance
    (docs/decisions/0033).

    What is learned ends more than `guard_min` before the step and counts only grow, so an alarm is never taken back.
    """

    budget: Budget
    usual: UsualStories = field(default_factory=UsualStories)
    horizons_min: tuple[int, ...] = (15, 45, 135, 360, 1440)
    min_stories: int = 3
    least_days: float = 7.0
    swing: float = 0.15
    step_min: int = 5
    named_a_document: float = 1.0
    promise: Promise = VOLUME_ALARM

    topics: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "volume_surge"
    counted: ClassVar[Counted] = "all"

    @property
    def guard_min(self) -> int:
        return MINUTES_A_DAY - self.usual.around_min - self.step_min

    @property
    def reach_min(self) -> int:
        return self.usual.reach_min + max(self.horizons_min)

    @property
    def market_reach_min(self) -> int:
        return self.usual.reach_min

    @property
    def echo_min(self) -> int:
        return max(self.horizons_min) + self.step_min

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        steps, at = self._worth(history.entity, np.asarray(buckets, dtype=np.int64))
        if not at.size:
            return []
        stories = self._stories(steps, at)
        usual, evidence = self._improbable(steps, history.market, at, stories)
        a_day, promised = self.promise.rate(evidence) / _DAYS_A_MONTH, self._promised(usual)
        found = []
        for i, j in enumerate(np.argmax(evidence, axis=1).tolist()):
            if a_day[i, j] <= promised[i] and evidence[i, j] >= _LEAST_EVIDENCE:
                grave = gravest(zip(a_day[i].tolist(), repeat(promised[i].item()), stories[i].tolist(), strict=False))
                seen = ((usual.mean[i, j] * usual.stories[i]).item(), a_day[i, j].item())
                found.append(self._finding(history.entity, int(at[i]), j, *seen, grave))
        return found

    def evidence(self, history: History, buckets: Sequence[int]) -> dict[int, float]:
        """By the first minute of its step, how improbable the stories of each bucket are; 0 is left out."""
        steps, at = self._worth(history.entity, np.asarray(buckets, dtype=np.int64))
        if not at.size:
            return {}
        found = self._improbable(steps, history.market, at, self._stories(steps, at))[1].max(axis=1)
        return {int(step) * self.step_min: float(each) for step, each in zip(at, found, strict=True) if each > 0}

    def shape(self, usual: Usual) -> Floats:
        """(steps, horizons) of the negative binomial with the usual mean that calm is taken to follow."""
        shape: Floats = usual.mean / (usual.clustering - 1 + self.swing * usual.mean)
        return shape

    @property
    def _horizons(self) -> Minutes:
        return np.array(self.horizons_min, dtype=np.int64) // self.step_min

    def _worth(self, series: Series, buckets: Minutes) -> tuple[StorySteps, Minutes]:
        """The steps in which a story was told and enough are, and what of the past they need."""
        at = np.unique(buckets // self.step_min)
        ends = (at + 1) * self.step_min - 1
        stories, longest = series.total_stories[series.up_to(ends)], max(self.horizons_min)
        told = stories > series.total_stories[series.up_to(ends - self.step_min)]
        enough = stories - series.total_stories[series.up_to(ends - longest)] >= self.min_stories
        at, ends = at[told & enough], ends[told & enough]
        return StorySteps.of(series, self._needed(series, ends), self.step_min), at

    def _needed(self, series: Series, ends: Minutes) -> NDArray[np.bool_]:
        """Which minutes are near enough to the next of `ends`: most of those judged together need none of theirs."""
        if not ends.size:
            return np.zeros(series.buckets.size, dtype=bool)
        ahead = ends[np.minimum(np.searchsorted(ends, series.buckets), ends.size - 1)] - series.buckets
        return (ahead >= 0) & (ahead < self.reach_min + self.step_min) & (series.stories > 0)

    def _stories(self, steps: StorySteps, at: Minutes) -> NDArray[np.int64]:
        """(steps, horizons) how many are in the horizon that ends with each."""
        return steps.stories_within(at[:, None] - self._horizons, at[:, None])

    def _improbable(
        self, steps: StorySteps, market: Series, at: Minutes, stories: NDArray[np.int64]
    ) -> tuple[Usual, Floats]:
        """What is usual, and (steps, horizons) -log10 of the probability of as many stories as were told."""
        usual = self.usual.learn(steps, market, at, self._horizons, self.step_min)
        weight = steps.within(at[:, None] - self._horizons, at[:, None])
        shape = self.shape(usual)
        p_values = betainc(np.maximum(weight, 0.5), shape, usual.mean / (usual.mean + shape))
        judged = (stories >= self.min_stories) & (usual.known[:, None] >= self.least_days)
        return usual, np.where(judged, -np.log10(np.maximum(p_values, 1e-300)), 0.0)

    def _promised(self, usual: Usual) -> Floats:
        """(steps,) false alarms a day of a company that has an equal part of the budget."""
        sharing = np.minimum(np.maximum(usual.said * self.named_a_document, _LEAST_SHARING), self.budget.named)
        promised: Floats = self.budget.false_alarms_per_day / sharing
        return promised

    def _finding(self, series: Series, step: int, j: int, mean: float, a_day: float, grave: Severity) -> Finding:
        """`a_day`: how many false alarms as improbable a day brings."""
        end = (step + 1) * self.step_min - 1
        first, last = series.up_to(np.array([end - self.horizons_min[j], end])).tolist()
        stories, documents = (
            int(total[last] - total[first]) for total in (series.total_stories, series.total_documents)
        )
        return Finding(
            bucket=step * self.step_min,
            horizon_min=self.horizons_min[j],
            observed=stories,
            observed_documents=documents,
            expected=mean,
            p_value=min(1.0, a_day),
            severity=grave,
            since=series.first_story(first) // self.step_min * self.step_min,
            step_min=self.step_min,
        )
