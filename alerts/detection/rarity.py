"""From how large to how rare: what is far out is told by the largest moments of the series' own past days.

No model of counts is right about its tail, and each series is wrong in its own way; the largest moment of a day is a
number that the past has many examples of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.detection.past_days import past_days, past_median
from alerts.detection.regular import Floats

__all__ = ["Rarity", "Tail"]

_LN10 = float(np.log(10))


@dataclass(frozen=True, eq=False)
class Tail:
    """(entities, days) each: what half of the days stay below, and the mean excess of the others over it."""

    median: Floats
    excess: Floats

    def rarity(self, values: Floats) -> Floats:
        """Of each value (entities, buckets) the rarity, 0 up to the median and where nothing is known."""
        by_day = values.reshape(*self.median.shape, -1)
        beyond = (by_day - self.median[..., None]) / self.excess[..., None]
        rarity = np.where(beyond > 0, np.log10(2) + beyond / _LN10, 0.0)
        return np.where(np.isnan(by_day), 0.0, rarity).reshape(values.shape)


@dataclass(frozen=True)
class Rarity:
    """-log10 of the probability that the largest value of a day gets this far, by an exponential tail over the median.

    Median and mean excess are those of the last `days` days that ended a day before the bucket's own, shrunk towards
    `median` and `excess` with the weight of `prior_days` days. An excess counts for at most `most` times `excess`:
    a crisis does not make the next one ordinary.
    """

    median: float
    excess: float
    most: float = 8.0
    days: int = 40
    prior_days: float = 8.0

    def tail(self, values: Floats, slots: int) -> Tail:
        """Of values (entities, buckets of whole days; NaN where not known) the tail that each day is held against."""
        by_day = values.reshape(values.shape[0], -1, slots)
        largest = np.where(np.isnan(by_day), -np.inf, by_day).max(axis=2)
        largest[np.isnan(by_day).mean(axis=2) > 0.5] = np.nan
        middle, known = past_median(largest, self.days)
        median = (known * np.nan_to_num(middle) + self.prior_days * self.median) / (known + self.prior_days)
        over = np.nan_to_num(past_days(largest, self.days) - median[..., None])
        over = np.clip(over, 0.0, self.most * self.excess)
        count = np.sum(over > 0, axis=2)
        excess = (over.sum(axis=2) + self.prior_days * self.excess) / (count + self.prior_days)
        return Tail(median, excess)
