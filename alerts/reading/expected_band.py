"""What the surge detector saw and what it had expected, hour by hour: the band that an alert's chart shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from scipy.stats import nbinom  # type: ignore[import-untyped]
from sqlalchemy import Connection

from alerts.detection.baselines import Baseline
from alerts.detection.counts import StoredCounts
from alerts.detection.portions import counts_of
from alerts.detection.series import MINUTES_A_DAY, Minutes, Series, minute_of, time_of

__all__ = ["BandPoint", "expected_band", "moments"]

_STEPS_IN_HORIZON: Final = 12
_MOST_POINTS: Final = 400
_CLUSTERING: Final = 1.4


@dataclass(frozen=True, slots=True)
class BandPoint:
    """At one moment: stories that count within the horizon, the expected number, and what 95 % of calm stays under."""

    at: datetime
    observed: int
    expected: float
    high: float


def expected_band(
    connection: Connection,
    entity_id: str,
    baseline: Baseline,
    *,
    horizon_s: int,
    first: datetime,
    last: datetime,
    peak: datetime,
) -> list[BandPoint]:
    """Negative stories, at each of the `moments`.

    The expectation is the detector's own (`alerts.baselines`): a Gamma belief about the rate from the past that ends a
    horizon, and at least a day, before each point, widened by the clustering of stories.
    """
    horizon = max(1, horizon_s // 60)
    at = moments(horizon, first=first, last=last, peak=peak)
    gap = max(MINUTES_A_DAY, horizon)
    since = int(at[0]) - gap - baseline.history_days * MINUTES_A_DAY - 1
    counts = counts_of(StoredCounts(connection), entity_id)
    series = counts.entities([entity_id], since, int(at[-1])).get(entity_id, Series.of(()))
    newest = int(series.buckets[-1]) if series.buckets.size else int(at[-1])
    at = at[at <= max(newest + MINUTES_A_DAY, minute_of(last))]
    belief = baseline.believe(series, counts.market(since, int(at[-1])), at - gap)
    totals = series.total_stories
    observed = totals[series.up_to(at)] - totals[series.up_to(at - horizon)]
    mean = belief.shape / belief.days * horizon / MINUTES_A_DAY
    variance = mean * _CLUSTERING + mean**2 / belief.shape
    high = nbinom.ppf(0.95, mean**2 / (variance - mean), mean / variance)
    return [
        BandPoint(time_of(int(minute)), int(seen), float(middle), float(top))
        for minute, seen, middle, top in zip(at, observed, mean, high, strict=True)
    ]


def moments(horizon: int, *, first: datetime, last: datetime, peak: datetime, apart: int = 1) -> Minutes:
    """From a horizon (at least a day) before `first` to a day after `last`: twelve points a horizon, at most some 400.

    In minutes, whole times `apart` from each other. The decisive minute `peak` is one of them, so the chart shows the
    count that the alert tells.
    """
    start, end = minute_of(first) - max(horizon, MINUTES_A_DAY), minute_of(last) + MINUTES_A_DAY
    step = max(1, horizon // _STEPS_IN_HORIZON, (end - start) // _MOST_POINTS)
    step += -step % apart
    start += (minute_of(peak) - start) % step
    return np.arange(start, end + 1, step, dtype=np.int64)
