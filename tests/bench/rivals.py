"""Rules that find surges in counts of five minutes: ours, and what is usual elsewhere; higher is more of a surge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detection.calm import calm_market
from alerts.detection.detectors import History
from alerts.detection.series import Series
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm

__all__ = ["HOUR", "OURS", "SCORES", "SLOTS", "STEP_MIN", "Floats", "Score", "rolling"]

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]

STEP_MIN: Final = 5
SLOTS: Final = 288
HOUR: Final = 12


def rolling(counts: Floats, length: int) -> Floats:
    """The sum of the `length` buckets that end with each."""
    total = np.concatenate(([0.0], np.cumsum(counts)))
    return total[1:] - total[np.maximum(np.arange(counts.size) + 1 - length, 0)]


def fixed(counts: Floats) -> Floats:
    """The last hour."""
    return rolling(counts, HOUR)


def z_score(counts: Floats) -> Floats:
    """The last hour against mean and deviation of the hours of the week before it."""
    hour, week = rolling(counts, HOUR), 7 * SLOTS
    mean, square = (rolling(each, week) / week for each in (hour, hour**2))
    before = np.maximum(np.arange(counts.size) - HOUR, 0)
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    return (hour - mean[before]) / np.maximum(deviation[before], 0.5)


def last_hour_against_twelve(counts: Floats) -> Floats:
    """Meltwater's rule: the last hour compared with the twelve before it, one count added to each."""
    hour = rolling(counts, HOUR)
    twelve = (rolling(counts, 13 * HOUR) - hour) / 12
    return (hour + 1) / (twelve + 1)


def poisson_scan(counts: Floats) -> Floats:
    """The largest Poisson log likelihood ratio over windows of ten minutes to six hours, against four weeks."""
    rate = np.maximum(rolling(counts, 28 * SLOTS) / (28 * SLOTS), 1e-4)
    rate = np.concatenate((np.full(SLOTS, rate[0]), rate[:-SLOTS]))
    best = np.zeros_like(counts)
    for length in (2, 6, HOUR, 3 * HOUR, 6 * HOUR):
        seen, mean = rolling(counts, length), rate * length
        ratio = np.where(seen > mean, seen * np.log(np.maximum(seen, 1) / mean) - (seen - mean), 0.0)
        best = np.maximum(best, ratio)
    return best


def volume_surge(counts: Floats) -> Floats:
    """Ours, as it watches the live stream."""
    told = np.flatnonzero(counts)
    stories = counts[told].astype(int).tolist()
    series = Series.of(zip((told * STEP_MIN).tolist(), stories, stories, strict=True))
    market = calm_market(counts.size // SLOTS + 1)
    evidence = np.zeros_like(counts)
    for minute, found in VolumeAlarm(Budget(1, 1)).evidence(History(series, market), series.buckets.tolist()).items():
        evidence[minute // STEP_MIN] = found
    return evidence


SCORES: dict[str, Score] = {
    "volume_surge": volume_surge,
    "fixed_threshold": fixed,
    "z_score": z_score,
    "last_hour_against_12": last_hour_against_twelve,
    "poisson_scan": poisson_scan,
}
OURS = "volume_surge"
