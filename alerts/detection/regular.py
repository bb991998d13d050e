"""Equally spaced counts of many entities at once: what the detectors of volume look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.detection.series import MINUTES_A_DAY
from alerts.errors import WrongSettingError

__all__ = ["Floats", "RegularCounts"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegularCounts:
    """`values` (entities, buckets) >= 0; NaN where nothing is known. Bucket i starts at `first + i * step_min`.

    `first` is a minute since 1970-01-01 UTC. The buckets divide a day evenly; raises WrongSettingError otherwise.
    """

    first: int
    step_min: int
    values: Floats

    def __post_init__(self) -> None:
        if self.step_min < 1 or MINUTES_A_DAY % self.step_min:
            fix = "give counts whose step divides a day evenly, such as 1, 5 or 60 minutes"
            raise WrongSettingError("step_min", self.step_min, fix)

    @property
    def slots(self) -> int:
        """Buckets a day."""
        return MINUTES_A_DAY // self.step_min

    def whole_days(self) -> RegularCounts:
        """The same from the beginning of the first day to the end of the last, filled up with what is not known."""
        lead = self.first % MINUTES_A_DAY // self.step_min
        tail = -(lead + self.values.shape[1]) % self.slots
        padded = np.pad(self.values, ((0, 0), (lead, tail)), constant_values=np.nan)
        return RegularCounts(self.first - lead * self.step_min, self.step_min, padded)

    def weekdays(self) -> NDArray[np.int64]:
        """(days,) 0 for Monday, for counts of whole days. 1970-01-01 was a Thursday."""
        days = self.values.shape[1] // self.slots
        return (self.first // MINUTES_A_DAY + 3 + np.arange(days)) % 7
