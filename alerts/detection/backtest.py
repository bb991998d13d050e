"""The detectors over a stored series: the same judgement that the live stream gets, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from alerts.detection.count_files import CountsFile
from alerts.detection.peaks import Peaks
from alerts.detection.promises import VOLUME_SURGE, Promise
from alerts.detection.regular import Floats, RegularCounts
from alerts.detection.volume_surge import Judged, VolumeSurge

__all__ = ["Alarm", "Backtest", "Result"]

_HALF = 10.0
"""The evidence that is scored one half."""


@dataclass(frozen=True)
class Alarm:
    """An event from its first to its last telling, described by its worst one.

    `false_alarms_a_month`: how often calm would get as far. The counts are those of its rarest horizon.
    """

    at: datetime
    last: datetime
    score: float
    horizon_min: int
    observed: float
    expected: float
    false_alarms_a_month: float


@dataclass(frozen=True, eq=False)
class Result:
    """`scores` has a number from 0 to 1 for each row; `judged` is of `counts`, one entity."""

    counts: RegularCounts
    judged: Judged
    scores: tuple[float, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class Backtest:
    """Runs `detector` and tells peaks. Alarms are those whose evidence calm reaches `false_alarms_a_month` times."""

    detector: VolumeSurge = field(default_factory=VolumeSurge)
    peaks: Peaks = field(default_factory=Peaks)
    false_alarms_a_month: float = 0.5
    promise: Promise = VOLUME_SURGE

    def run(self, file: CountsFile) -> Result:
        """Each row's score looks at the rows up to it alone."""
        counts = file.counts
        judged = self.detector.judge(counts)
        told = self.peaks.told(judged.evidence[0], counts.step_min)
        rates = self.promise.rate(told)
        rows = np.array(file.places)
        alarms: list[Alarm] = []
        quiet = timedelta(minutes=self.peaks.quiet_min)
        for row, place in enumerate(rows.tolist()):
            if told[place] <= 0 or rates[place] > self.false_alarms_a_month:
                continue
            alarm = self._alarm(file.times[row], place, judged, told, rates)
            if alarms and alarm.at - alarms[-1].last <= quiet:
                worst = max(alarms[-1], alarm, key=lambda each: each.score)
                alarms[-1] = replace(worst, at=alarms[-1].at, last=alarm.last)
            else:
                alarms.append(alarm)
        return Result(counts, judged, tuple(_score(told[rows]).tolist()), tuple(alarms))

    @staticmethod
    def _alarm(at: datetime, place: int, judged: Judged, told: Floats, rates: Floats) -> Alarm:
        seen = max(judged.horizons, key=lambda each: each.rarity[0, place])
        return Alarm(
            at=at,
            last=at,
            score=float(_score(told[place])),
            horizon_min=seen.horizon_min,
            observed=float(seen.observed[0, place]),
            expected=float(seen.mean[0, place]),
            false_alarms_a_month=float(rates[place]),
        )


def _score(evidence: Floats | Sequence[float]) -> Floats:
    """From evidence (0 and more) to 0 to 1, the same for every series."""
    values = np.asarray(evidence, dtype=np.float64)
    return values / (values + _HALF)
