"""More is said about an entity than at this time of the day and the week is usual, over several horizons at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from alerts.expectation import Expectation
from alerts.rarity import Rarity, deviance
from alerts.regular import Floats, RegularCounts

__all__ = ["Judged", "VolumeSurge"]


@dataclass(frozen=True, eq=False)
class Judged:
    """(entities, buckets) for each bucket of the counts that were judged.

    `evidence` is 0 and more. `observed`, `mean` and `spread` are those of the shortest horizon.
    """

    evidence: Floats
    observed: Floats
    mean: Floats
    spread: Floats


@dataclass(frozen=True)
class VolumeSurge:
    """Adds up over its horizons how rare the count of each is by the entity's own past days.

    Spam fills five minutes, a story fills hours: what is rare on every horizon at once is an event.
    """

    horizons_min: tuple[int, ...] = (15, 60, 180, 360)
    expectation: Expectation = field(default_factory=Expectation)
    rarity: Rarity = field(default_factory=lambda: Rarity(median=4.0, excess=1.0))

    def judge(self, counts: RegularCounts) -> Judged:
        """What each bucket holds against calm, from nothing later than the bucket itself."""
        days = counts.whole_days()
        lead = (counts.first - days.first) // counts.step_min
        own = slice(lead, lead + counts.values.shape[1])
        evidence = np.zeros_like(days.values)
        shortest = None
        for horizon_min in sorted(self.horizons_min):
            expected = self.expectation.of(days, horizon_min)
            shape = 1 / (expected.spread + (self.expectation.clustering - 1) / np.maximum(expected.mean, 0.01))
            far = np.maximum(deviance(expected.observed, expected.mean, shape), 0.0)
            evidence += self.rarity.of(far, days.slots)
            shortest = shortest or expected
        assert shortest is not None
        shown = (shortest.observed, shortest.mean, shortest.spread)
        return Judged(evidence[:, own], *(each[:, own] for each in shown))
