"""A company's stories in steps of a few minutes, of which one step counts for less than its stories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detection.baselines import Floats
from alerts.detection.series import Minutes, Series

__all__ = ["StorySteps"]

_UNIT: Final = 1000
"""Weights are whole thousandths, so that a sum does not depend on what was added before it."""


@dataclass(frozen=True, eq=False)
class StorySteps:
    """Steps with stories: `number` is ascending, minutes since 1970 over the length of a step.

    What comes within one step is one publication more often than an event: it weighs as the root of its stories.
    `total_*` are running sums with a leading zero, of stories and of thousandths of weight.
    """

    number: Minutes
    weight: Minutes
    total_stories: Minutes
    total_weight: Minutes

    @classmethod
    def of(cls, series: Series, chosen: NDArray[np.bool_], step_min: int) -> StorySteps:
        """Of a series that counts all stories, the `chosen` minutes: ones with stories, of whole steps."""
        steps, stories = series.buckets[chosen] // step_min, series.stories[chosen]
        starts = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1)) if steps.size else np.zeros(0, np.intp)
        stories = np.add.reduceat(stories, starts) if starts.size else stories
        weight = np.rint(_UNIT * np.sqrt(stories)).astype(np.int64)
        return cls(steps[starts], weight, _running(stories), _running(weight))

    def up_to(self, steps: Minutes) -> NDArray[np.intp]:
        """How many are at or before each; indexes the running sums. Any shape."""
        return np.searchsorted(self.number, steps, side="right")

    def stories_within(self, since: Minutes, until: Minutes) -> Minutes:
        """How many stories there are after each `since` up to `until`."""
        found: Minutes = self.total_stories[self.up_to(until)] - self.total_stories[self.up_to(since)]
        return found

    def within(self, since: Minutes, until: Minutes) -> Floats:
        """What they weigh."""
        return self.weight_since(since, self.weight_up_to(until))

    def weight_up_to(self, steps: Minutes) -> Minutes:
        """Thousandths of all weight at or before each; any shape."""
        return self.total_weight[self.up_to(steps)]

    def weight_since(self, since: Minutes, up_to: Minutes) -> Floats:
        """What weighs after each `since`, of the thousandths `up_to` some later steps."""
        found: Floats = (up_to - self.weight_up_to(since)) / _UNIT
        return found


def _running(counts: Minutes) -> Minutes:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))
