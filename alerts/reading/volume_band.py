"""How many stories there were and how many are usual, as the detector of volume sees them: its alert's chart."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from scipy.stats import nbinom  # type: ignore[import-untyped]
from sqlalchemy import Connection

from alerts.detection.counts import StoredCounts
from alerts.detection.portions import counts_of
from alerts.detection.series import MINUTES_A_DAY, Series, minute_of, time_of
from alerts.detection.story_steps import StorySteps
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.reading.expected_band import BandPoint, moments

__all__ = ["volume_band"]


def volume_band(
    connection: Connection, entity_id: str, *, horizon_s: int, first: datetime, last: datetime, peak: datetime
) -> list[BandPoint]:
    """All stories within the horizon, whatever their tone, at the moments that `expected_band` has.

    Each moment is a step of the detector, and its horizon ends with the step; `peak` begins the decisive one.
    """
    detector = VolumeAlarm(Budget(1, 1))  # what is usual does not depend on the budget
    step, horizon = detector.step_min, horizon_s // 60
    at = moments(horizon, first=first, last=last, peak=peak, apart=step)
    since, until = int(at[0]) - detector.reach_min, int(at[-1]) + step - 1
    counts = counts_of(StoredCounts(connection), entity_id)
    series = counts.volumes([entity_id], since, until).get(entity_id, Series.of(()))
    newest = int(series.buckets[-1]) if series.buckets.size else int(at[-1])
    at = at[at <= max(newest + MINUTES_A_DAY, minute_of(last))]
    steps, ends = StorySteps.of(series, series.stories > 0, step), at // step
    usual = detector.usual.learn(steps, counts.market(since, until), ends, np.array([horizon // step]), step)
    mean, shape = usual.mean[:, 0], detector.shape(usual)[:, 0]
    high = np.ceil(nbinom.ppf(0.95, shape, shape / (shape + mean)) * usual.stories)
    observed = steps.stories_within(ends - horizon // step, ends)
    return [
        BandPoint(time_of(int(minute)), int(seen), float(middle), float(top))
        for minute, seen, middle, top in zip(at, observed, mean * usual.stories, high, strict=True)
    ]
