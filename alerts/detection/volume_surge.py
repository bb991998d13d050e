"""More is said about an entity than at this time of the day and the week is usual, over several horizons at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from alerts.detection.expectation import Expectation
from alerts.detection.rarity import Rarity
from alerts.detection.regular import Floats, RegularCounts

__all__ = ["Judged", "Seen", "VolumeSurge"]


@dataclass(frozen=True, eq=False)
class Seen:
    """One horizon, (entities, buckets) each: what was counted and expected, and how rare that is (0 and more).

    `ceiling` is the count up to which the rarity is 0.
    """

    horizon_min: int
    observed: Floats
    mean: Floats
    ceiling: Floats
    rarity: Floats


@dataclass(frozen=True, eq=False)
class Judged:
    """`evidence` (entities, buckets), 0 and more, is the sum of the rarities of `horizons`, shortest first."""

    evidence: Floats
    horizons: tuple[Seen, ...]


@dataclass(frozen=True)
class VolumeSurge:
    """Adds up over its horizons how rare the count of each is by the entity's own past days.

    A count is as large as the logarithm of how many times the expected it is, after `grains` counts and `share` of a
    usual day's level were added to both: a few stories in a quiet hour are many times nothing. Spam fills five
    minutes, a story fills hours: what is rare on every horizon at once is an event.
    """

    horizons_min: tuple[int, ...] = (10, 30, 90)
    grains: float = 10.0
    share: float = 0.5
    expectation: Expectation = field(default_factory=Expectation)
    rarity: Rarity = field(default_factory=lambda: Rarity(median=0.6, excess=0.3))

    def judge(self, counts: RegularCounts) -> Judged:
        """What each bucket holds against calm, from nothing later than the bucket itself."""
        days = counts.whole_days()
        lead = (counts.first - days.first) // counts.step_min
        own = slice(lead, lead + counts.values.shape[1])
        lengths = dict.fromkeys(max(1, round(each / counts.step_min)) for each in sorted(self.horizons_min))
        horizons = tuple(self._look(days, length * counts.step_min, own) for length in lengths)
        return Judged(np.sum([seen.rarity for seen in horizons], axis=0), horizons)

    def _look(self, days: RegularCounts, horizon_min: int, own: slice) -> Seen:
        expected = self.expectation.of(days, horizon_min)
        grains = self.grains + self.share * expected.level
        times = np.maximum(np.log((expected.observed + grains) / (expected.mean + grains)), 0.0)
        tail = self.rarity.tail(times, days.slots)
        ceiling = (expected.mean + grains) * np.exp(np.repeat(tail.median, days.slots, axis=1)) - grains
        found = (expected.observed, expected.mean, ceiling, tail.rarity(times))
        return Seen(horizon_min, *(each[:, own] for each in found))
