"""What the days before a day were like, without the last of them: that may be incomplete, or the beginning of this."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alerts.detection.regular import Floats

__all__ = ["past_days", "past_median"]


def past_days(values: Floats, days: int) -> Floats:
    """(entities, days) to (entities, days, `days`): for each day those that ended a day before it; NaN: none."""
    padded = np.pad(values, ((0, 0), (days + 1, 0)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, days, axis=1)[:, : values.shape[1]]


def past_median(values: Floats, days: int) -> tuple[Floats, NDArray[np.int64]]:
    """(entities, days) each: the median of those that are known, NaN where none is, and how many they are."""
    past = past_days(values, days)
    count = np.sum(~np.isnan(past), axis=2)
    ordered = np.sort(past, axis=2)  # what is not known comes last
    low, high = (np.maximum(each, 0)[..., None] for each in ((count - 1) // 2, count // 2))
    middle = (np.take_along_axis(ordered, low, 2) + np.take_along_axis(ordered, high, 2))[..., 0] / 2
    return np.where(count > 0, middle, np.nan), count
