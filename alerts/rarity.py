"""From how surprising to how rare: what is far out is told by the most surprising moments of the series' own past days.

No model of counts is right about its tail, and each series is wrong in its own way; the largest surprise of a day is
a number that the past has many examples of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.past_days import past_days, past_median
from alerts.regular import Floats

__all__ = ["Rarity", "deviance"]

_LN10 = float(np.log(10))


@dataclass(frozen=True)
class Rarity:
    """-log10 of the probability that a day's largest surprise gets this far, by an exponential tail over the median.

    Median and mean excess are those of the last `days` days that ended a day before the bucket's own, shrunk towards
    `median` and `excess` with the weight of `prior_days` days. An excess counts for at most `most` times `excess`:
    a crisis does not make the next one ordinary.
    """

    median: float
    excess: float
    most: float = 4.0
    days: int = 21
    prior_days: float = 3.0

    def of(self, surprise: Floats, slots: int) -> Floats:
        """Of surprises (entities, buckets of whole days; NaN where not known) the rarity, 0 below the median."""
        by_day = surprise.reshape(surprise.shape[0], -1, slots)
        largest = np.where(np.isnan(by_day), -np.inf, by_day).max(axis=2)
        largest[np.isnan(by_day).mean(axis=2) > 0.5] = np.nan
        median, excess = self._tail(largest)
        beyond = (by_day - median[..., None]) / excess[..., None]
        rarity = np.where(beyond > 0, np.log10(2) + beyond / _LN10, 0.0)
        return np.where(np.isnan(by_day), 0.0, rarity).reshape(surprise.shape)

    def _tail(self, largest: Floats) -> tuple[Floats, Floats]:
        """(entities, days) each: median and mean excess, from the days up to the one before yesterday."""
        middle, known = past_median(largest, self.days)
        median = (known * np.nan_to_num(middle) + self.prior_days * self.median) / (known + self.prior_days)
        over = np.clip(np.nan_to_num(past_days(largest, self.days) - median[..., None]), 0.0, self.most * self.excess)
        count = np.sum(over > 0, axis=2)
        excess = (over.sum(axis=2) + self.prior_days * self.excess) / (count + self.prior_days)
        return median, excess


def deviance(observed: Floats, mean: Floats, shape: Floats) -> Floats:
    """The signed root of the deviance of a negative binomial: about standard normal where the model holds.

    Any shapes that broadcast; finite however far out the count is, where a tail probability would be nought.
    """
    mean = np.maximum(mean, 0.01)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(observed > 0, observed * np.log(observed / mean), 0.0)
        far = own - (observed + shape) * np.log((observed + shape) / (mean + shape))
        signed: Floats = np.sign(observed - mean) * np.sqrt(2 * np.maximum(far, 0.0))
    return signed
