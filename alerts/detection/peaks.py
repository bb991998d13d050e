"""Which moments are told: the first of an event, and again only when it has grown a good deal more improbable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.detection.regular import Floats

__all__ = ["Peaks"]


@dataclass(frozen=True)
class Peaks:
    """An event is told when its evidence reaches `floor`, and again at `growth` times what was told.

    It is over `quiet_min` after it was last told. One event is so a few peaks, and whoever sets a threshold above the
    floor hears of it when it gets there, not when it began to be a little unusual.
    """

    quiet_min: int = 1440
    growth: float = 1.6
    floor: float = 0.4

    def told(self, evidence: Floats, step_min: int) -> Floats:
        """(buckets,) the evidence where it is told, 0 elsewhere."""
        quiet = self.quiet_min // step_min
        told = np.zeros_like(evidence)
        highest, last = 0.0, -quiet - 1
        for bucket in np.flatnonzero(evidence >= self.floor).tolist():
            if bucket - last > quiet:
                highest = 0.0
            if highest == 0.0 or evidence[bucket] >= highest * self.growth:
                told[bucket] = highest = evidence[bucket]
                last = bucket
        return told
