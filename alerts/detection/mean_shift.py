"""What is said about a company is worse in tone than its own past makes credible, whether or not it is called bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import ndtr  # type: ignore[import-untyped]

from alerts.detection.promises import MEAN_SHIFT, Promise
from alerts.detection.share_shift import ShareShift
from alerts.detection.tone_past import Floats, Past, Stretch

__all__ = ["MeanShift"]


@dataclass(frozen=True)
class MeanShift(ShareShift):
    """Fires where the mean score of a horizon's stories lies improbably far below the company's own, by a normal.

    Past, horizons and clusters are ShareShift's. There are `least` stories in the horizon, and one negative one in
    the bucket.
    """

    steadiness: float = 22.0
    min_stories: int = 1
    least: int = 6

    name: ClassVar[str] = "mean_shift"
    promise: ClassVar[Promise] = MEAN_SHIFT

    def _p_values(self, now: Stretch, past: Past) -> Floats:
        """The probability of a mean as low."""
        stories = np.maximum(now.stories, 1)
        spread = np.sqrt(past.variance * (self._alike(stories) / stories + 1 / past.stories))
        low: Floats = np.where(now.stories >= self.least, ndtr((now.score / stories - past.mean) / spread), 1.0)
        return low
