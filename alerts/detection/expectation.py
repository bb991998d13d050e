"""What is normal at this time of the day and of the week, for each horizon.

For every bucket only the past counts, and not its last day: what is learned ends 23 hours before the bucket, so a
surge does not teach that surges are normal while it grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.detection.past_days import past_median
from alerts.detection.regular import Floats, RegularCounts

__all__ = ["Expectation", "Expected", "trailing"]

_WEEKEND = 5


@dataclass(frozen=True, eq=False)
class Expected:
    """For one horizon, (entities, buckets) each: what was counted, what was expected, and what a usual day has in it.

    NaN where it is not known.
    """

    observed: Floats
    mean: Floats
    level: Floats


@dataclass(frozen=True)
class Expectation:
    """The shape of day and week, learned with slow forgetting; NaN until two days are known.

    The mean at a time of day is that of past days within an hour around it; a day counts half after
    `half_life_days`. Of a day's weight, `any_day` goes to every day, `kind` to days of the same kind (working day or
    weekend), the rest to the same weekday. A flat day with the weight `flat_days` is mixed in: little is known of a
    shape at first. It is the median of `level_days` days. No past count is taken for more than `cap` times what had
    been expected: a crisis is no habit.
    """

    half_life_days: float = 14.0
    around_min: int = 60
    any_day: float = 0.25
    kind: float = 0.25
    flat_days: float = 0.5
    cap: float = 3.0
    level_days: int = 21

    def of(self, counts: RegularCounts, horizon_min: int) -> Expected:
        """The expectation of every bucket of `counts` (whole days) for the horizon that ends with it."""
        length = max(1, round(horizon_min / counts.step_min))
        around = max(0, round(self.around_min / counts.step_min)) if counts.slots > 1 else 0
        entities, slots = counts.values.shape[0], counts.slots
        observed = trailing(counts.values, length)
        nearby = _ahead(trailing(counts.values, length + 2 * around), around) * (length / (length + 2 * around))
        level = self._level(counts) * length
        mean = self._means(counts, nearby.reshape(entities, -1, slots), level)
        return Expected(observed, mean.reshape(entities, -1), np.repeat(level, slots, axis=1))

    def _means(self, counts: RegularCounts, nearby: Floats, levels: Floats) -> Floats:
        """(entities, days, slots): three averages of past days, mixed, and the flat one."""
        weekdays = counts.weekdays()
        decay = 0.5 ** (1 / self.half_life_days)
        kinds = 10  # every day, working days, weekends, and the seven weekdays
        sums = np.zeros((2, kinds, nearby.shape[0], nearby.shape[2]))
        means = np.full(nearby.shape, np.nan)
        for day, weekday in enumerate(weekdays.tolist()):
            rows = [0, 2 if weekday >= _WEEKEND else 1, 3 + weekday]
            mix = np.array([self.any_day, self.kind, 1 - self.any_day - self.kind])
            total, weight = np.tensordot(mix, sums[:, rows], axes=(0, 1))
            level = levels[:, day, None]
            expected = (total + self.flat_days * level) / (weight + self.flat_days)
            means[:, day] = expected
            ceiling = np.where(np.isnan(expected), np.inf, self.cap * np.maximum(expected, 0.3 * level) + 1)
            value = np.minimum(nearby[:, day], ceiling)
            known = ~np.isnan(value)
            sums *= decay
            sums[0, rows] += np.where(known, value, 0.0)
            sums[1, rows] += known
        return means

    def _level(self, counts: RegularCounts) -> Floats:
        """(entities, days) the count of a bucket on the median day up to the one before yesterday; NaN: none yet."""
        days = counts.values.reshape(counts.values.shape[0], -1, counts.slots)
        known = np.sum(~np.isnan(days), axis=2)
        rates = np.nansum(days, axis=2) / np.maximum(known, 1)
        return past_median(np.where(known >= counts.slots / 4, rates, np.nan), self.level_days)[0]


def trailing(values: Floats, length: int) -> Floats:
    """(entities, buckets) the sums over the `length` buckets that end with each, scaled where some are not known.

    NaN where fewer than half of them are known.
    """
    known = ~np.isnan(values)
    sums = _running(np.where(known, values, 0.0), length)
    share = _running(known.astype(float), length) / length
    return np.where(share >= 0.5, sums / np.maximum(share, 0.5), np.nan)


def _running(values: Floats, length: int) -> Floats:
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    starts = np.maximum(np.arange(values.shape[1]) + 1 - length, 0)
    difference: Floats = total[:, 1:] - total[:, starts]
    return difference


def _ahead(values: Floats, by: int) -> Floats:
    """Each bucket gets the value of `by` buckets later. It is looked at a day later only."""
    if not by:
        return values
    return np.concatenate((values[:, by:], np.full((values.shape[0], by), np.nan)), axis=1)
