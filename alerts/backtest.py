"""The detectors over a stored series: the same judgement that the live stream gets, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from alerts.count_files import CountsFile
from alerts.peaks import Peaks
from alerts.rarity import Rarity
from alerts.regular import Floats, RegularCounts
from alerts.volume_surge import Judged, VolumeSurge

__all__ = ["Alarm", "Backtest", "Result"]

_DAYS_A_MONTH = 30
_HALF = 10.0
"""The evidence that is scored one half."""


@dataclass(frozen=True)
class Alarm:
    """An event from its first to its last telling, described by its worst one.

    `false_alarms_a_month`: how often calm would get as far. The counts are those of one bucket.
    """

    at: datetime
    last: datetime
    score: float
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
    """Runs `detector` and tells peaks. Alarms are those that calm would bring `false_alarms_a_month` times at most."""

    detector: VolumeSurge = field(default_factory=VolumeSurge)
    peaks: Peaks = field(default_factory=Peaks)
    false_alarms_a_month: float = 3.0
    rarity: Rarity = field(default_factory=lambda: Rarity(median=2.0, excess=4.0))

    def run(self, file: CountsFile) -> Result:
        """Each row's score looks at the rows up to it alone."""
        counts = file.counts
        judged = self.detector.judge(counts)
        told = self.peaks.told(judged.evidence[0], counts.step_min)
        rates = self._false_alarms(counts, judged.evidence)
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

    def _false_alarms(self, counts: RegularCounts, evidence: Floats) -> Floats:
        """(buckets,) how many days a month calm would get as far as each bucket's evidence."""
        days = counts.whole_days()
        lead = (counts.first - days.first) // counts.step_min
        padded = np.full(days.values.shape, np.nan)
        padded[:, lead : lead + evidence.shape[1]] = evidence
        rarity = self.rarity.of(padded, counts.slots)[0, lead : lead + evidence.shape[1]]
        rates: Floats = _DAYS_A_MONTH * 10.0**-rarity
        return rates

    @staticmethod
    def _alarm(at: datetime, place: int, judged: Judged, told: Floats, rates: Floats) -> Alarm:
        return Alarm(
            at=at,
            last=at,
            score=float(_score(told[place])),
            observed=float(judged.observed[0, place]),
            expected=float(judged.mean[0, place]),
            false_alarms_a_month=float(rates[place]),
        )


def _score(evidence: Floats | Sequence[float]) -> Floats:
    """From evidence (0 and more) to 0 to 1, the same for every series."""
    values = np.asarray(evidence, dtype=np.float64)
    return values / (values + _HALF)
