"""How many stories of a company are usual at this time of the day and the week, and how they cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.detection.baselines import Floats
from alerts.detection.series import MINUTES_A_DAY, Minutes, Series
from alerts.detection.story_steps import StorySteps

__all__ = ["Usual", "UsualStories"]

_WEEKEND = 5


@dataclass(frozen=True)
class Usual:
    """(steps, horizons): the mean weight within each horizon, and how many times wider than Poisson it is, above 1.

    (steps,) each: `known` is how many days are behind it, `said` how many things the market says on one of them, and
    `stories` how many come on a weight of 1.
    """

    mean: Floats
    clustering: Floats
    known: Floats
    said: Floats
    stories: Floats


@dataclass(frozen=True)
class UsualStories:
    """What is learned ends a day before the step, less `around_min`: a surge does not teach that surges are normal.

    *Mean*: the rate of `days` days, a day weighing half after `half_life_days`, and the company getting
    `prior_a_day` stories on `prior_days` more. Times the shape: what the same time of day had within `around_min`, days
    of the same kind (working days, weekends) weighing twice and the same weekday four times as much as any, shrunk to
    a flat day with the weight of `flat_stories` stories. No past day or time is taken for more than `cap` times what
    had been expected and `most` stories: a crisis is no habit. Days on which the whole market said fewer than
    `awake_documents` count in proportion: an outage is no calm.

    *Clustering*: how many more stories than the rate makes likely the horizon before a story had, in `cluster_days`
    days, capped too, and a day of crisis weighing no more than what is capped; shrunk to `usual_clustering` with the
    weight of `cluster_stories` stories.
    """

    days: int = 30
    half_life_days: float = 7.0
    around_min: int = 60
    cap: float = 3.0
    most: float = 4.0
    prior_days: float = 2.0
    prior_a_day: float = 0.03
    flat_stories: float = 0.5
    least: float = 0.03
    awake_documents: int = 20
    cluster_days: int = 20
    rate_days: int = 14
    usual_clustering: float = 1.5
    cluster_stories: float = 20.0
    least_clustering: float = 1.05

    @property
    def reach_min(self) -> int:
        """How many minutes before a step matter, its longest horizon apart."""
        return max(self.days + 2, self.cluster_days + self.rate_days + 3) * MINUTES_A_DAY

    def learn(self, steps: StorySteps, market: Series, at: Minutes, horizons: Minutes, step_min: int) -> Usual:
        """For each step of `at` and horizon, both in steps of `step_min` minutes."""
        slots = MINUTES_A_DAY // step_min
        back = np.arange(1, self.days + 1)
        said = self._said(market, at, back, step_min)
        awake = np.minimum(said / self.awake_documents, 1.0)
        weights = awake * 0.5 ** (back / self.half_life_days)
        rate = self._rate(steps, at, weights, slots)
        alike = weights * _alike(at[:, None] // slots, back)
        around = self.around_min // step_min
        ends = at[:, None] - slots * back + around
        up_to_ends = steps.weight_up_to(ends)
        means = []
        for horizon in horizons.tolist():
            expected = rate[:, None] * (horizon + 2 * around)
            seen = steps.weight_since(ends - horizon - 2 * around, up_to_ends)
            seen = np.minimum(seen, self.cap * expected + self.most)
            shape = (_sum(alike * seen) + self.flat_stories) / (_sum(alike * expected) + self.flat_stories)
            means.append(np.maximum(rate * horizon * shape, self.least))
        known = _sum(awake)
        return Usual(
            np.stack(means, axis=1),
            self._clustering(steps, at, horizons, slots),
            known,
            _sum(said.astype(np.float64)) / np.maximum(known, 1.0),
            self._stories(steps, at, slots),
        )

    def _rate(self, steps: StorySteps, at: Minutes, weights: Floats, slots: int) -> Floats:
        """Stories a step."""
        edges = at[:, None] - slots * np.arange(1, self.days + 2)
        daily = steps.within(edges[:, 1:], edges[:, :-1])
        for _ in range(2):  # the first mean is too high where a crisis is in it, and so is the first cap
            usual = _sum(daily * weights) / np.maximum(_sum(weights), 1e-9)
            daily = np.minimum(daily, self.cap * usual[:, None] + self.most)
        rate = (_sum(daily * weights) + self.prior_days * self.prior_a_day) / (_sum(weights) + self.prior_days)
        a_step: Floats = rate / slots
        return a_step

    def _stories(self, steps: StorySteps, at: Minutes, slots: int) -> Floats:
        since, until, prior = at - slots * (self.days + 1), at - slots, self.prior_days * self.prior_a_day
        found: Floats = (steps.stories_within(since, until) + prior) / (steps.within(since, until) + prior)
        return found

    @staticmethod
    def _said(market: Series, at: Minutes, back: Minutes, step_min: int) -> Minutes:
        """(steps, days) what the market said on each past day."""
        ends = (at[:, None] + 1) * step_min - 1 - MINUTES_A_DAY * np.append(back, back[-1] + 1)
        total = market.total_documents[market.up_to(ends)]
        said: Minutes = total[:, :-1] - total[:, 1:]
        return said

    def _clustering(self, steps: StorySteps, at: Minutes, horizons: Minutes, slots: int) -> Floats:
        near = self._near(steps.number, at, slots)
        number, up_to_them = steps.number[near], steps.total_weight[1:][near]
        yesterday = steps.weight_up_to(number - slots)
        rate = steps.weight_since(number - slots * (self.rate_days + 1), yesterday) / (slots * self.rate_days)
        crowded = (up_to_them - yesterday) / 1000 / (self.cap * rate * slots + self.most)
        weight = steps.weight[near] / np.maximum(crowded, 1.0)
        told = self._learned(weight, number, at, slots) + self.cluster_stories
        found = []
        for horizon in horizons.tolist():
            mean = rate * horizon
            others = steps.weight_since(number - horizon, up_to_them)
            others = np.minimum(others, (self.cap + 1) * mean + self.most) - mean
            more = self._learned(others * weight, number, at, slots)
            found.append((more + self.usual_clustering * self.cluster_stories) / told)
        clustering: Floats = np.maximum(np.stack(found, axis=1), self.least_clustering)
        return clustering

    def _near(self, number: Minutes, at: Minutes, slots: int) -> NDArray[np.bool_]:
        """Which are among the cluster days before one of `at`; the others only say what is usual of these."""
        ahead = at[np.minimum(np.searchsorted(at, number), at.size - 1)] - number
        return (ahead >= 0) & (ahead < slots * (self.cluster_days + 1))

    def _learned(self, values: Floats, number: Minutes, at: Minutes, slots: int) -> Floats:
        """The sum of what steps are worth over the days before each of `at`; whole thousandths, so exact."""
        total = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.rint(values).astype(np.int64))))
        first, last = (np.searchsorted(number, at - slots * days, side="right") for days in (self.cluster_days + 1, 1))
        learned: Floats = (total[last] - total[first]) / 1000
        return learned


def _alike(days: Minutes, back: Minutes) -> Floats:
    """(steps, days) how much the day so many days back tells of this one. 1970-01-01 was a Thursday."""
    here, there = (days + 3) % 7, (days - back + 3) % 7
    weights: Floats = 1.0 + ((here >= _WEEKEND) == (there >= _WEEKEND)) + 2.0 * (here == there)
    return weights


def _sum(values: Floats) -> Floats:
    """Of each row; no matrix product, whose last digit depends on how many rows there are."""
    total: Floats = values.sum(axis=1)
    return total
