"""What was promised against what calm really brings, in strata of how much is said about an entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alerts.detection.backtest import Backtest
from alerts.detection.calm import CalmStories, CalmTones, CalmVolume, calm_market
from alerts.detection.detectors import Detector, History, NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.market_surge import MarketSurge
from alerts.detection.mean_shift import MeanShift
from alerts.detection.peaks import Peaks
from alerts.detection.promises import Promise
from alerts.detection.regular import RegularCounts
from alerts.detection.risk_event import RiskEvent
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.detection.volume_surge import VolumeSurge

__all__ = ["STORIES_A_DAY", "Calibration", "Row", "episodes"]

_DAYS_A_MONTH = 30
STORIES_A_DAY = {"rare": (0.001, 0.03), "medium": (0.03, 0.5), "busy": (0.5, 6.0)}
_ALL_STORIES_A_DAY = {"rare": (0.01, 0.3), "medium": (0.3, 5.0), "busy": (5.0, 60.0)}
_COUNTS_A_BUCKET = {"rare": (0.003, 0.03), "medium": (0.03, 1.0), "busy": (1.0, 100.0)}
_GRAVE_SHARE = 0.03
"""Of the negative stories of 2023 that name a company so many were on a topic of RiskEvent, and of Chinese ones too."""

_WARM_STORY_DAYS, _STORY_DAYS = 200, 560
_WARM_VOLUME_DAYS, _VOLUME_DAYS = 45, 165
_AT_ONCE = 10


@dataclass(frozen=True)
class Row:
    """One detector in one stratum, or in all of them; rates are alarms an entity and month of 30 days."""

    detector: str
    stratum: str
    entity_months: float
    alarms: int
    promised: float

    @property
    def observed(self) -> float:
        return self.alarms / self.entity_months

    @property
    def kept(self) -> bool:
        """Within a quarter of the promise over all strata, and nowhere above twice the promise."""
        ratio = self.observed / self.promised
        return 0.75 <= ratio <= 1.25 if self.stratum == "all" else ratio <= 2


@dataclass(frozen=True)
class Calibration:
    """Draws `entity_months` of calm for each detector, a third for each stratum, after each has learned what is usual.

    `promised` is the false alarms an entity and month. The same seed draws the same calm.
    """

    promised: float = 0.1
    entity_months: float = 1000
    seed: int = 1

    def rows(self) -> Iterator[Row]:
        """Stratum by stratum, then all of them, for each detector."""
        market, backtest = MarketSurge(Budget(1, 1)), Backtest()
        part = Budget(self.promised / _DAYS_A_MONTH, 1)
        detectors = (
            ("negative_surge", self._stories(NegativeSurge(part))),
            ("first_bad_news", self._stories(FirstBadNews(part))),
            ("risk_event", self._stories(RiskEvent(part.false_alarms_per_day, 1), _GRAVE_SHARE)),
            ("share_shift", self._tones(ShareShift(part))),
            ("mean_shift", self._tones(MeanShift(part))),
            ("market_surge", self._volume(market.surge, market.promise, market.step_min)),
            ("volume_surge", self._stories(VolumeAlarm(part), strata=_ALL_STORIES_A_DAY)),
            ("backtest", self._volume(backtest.detector, backtest.promise)),
        )
        for name, strata in detectors:
            rows = []
            for stratum, months, alarms in strata:
                rows.append(Row(name, stratum, months, alarms, self.promised))
                yield rows[-1]
            months, alarms = sum(row.entity_months for row in rows), sum(row.alarms for row in rows)
            yield Row(name, "all", months, alarms, self.promised)

    def _stories(
        self, detector: Detector, share: float = 1.0, strata: Mapping[str, tuple[float, float]] = STORIES_A_DAY
    ) -> Iterator[tuple[str, float, int]]:
        """`share`: how many of the stories the detector looks at."""
        random, calm = np.random.default_rng(self.seed), CalmStories(_STORY_DAYS)
        market = calm_market(_STORY_DAYS, round(1 / share))
        months = (_STORY_DAYS - _WARM_STORY_DAYS) / _DAYS_A_MONTH
        entities = self._entities(months)
        for stratum, (low, high) in strata.items():
            alarms = 0
            for _ in range(entities):
                series = calm.draw(random, share * _between(random, low, high))
                judged = series.buckets[series.buckets >= _WARM_STORY_DAYS * MINUTES_A_DAY].tolist()
                found = detector.findings(History(series, market), judged)
                alarms += episodes([finding.bucket for finding in found], 3 * MINUTES_A_DAY)
            yield stratum, entities * months, alarms

    def _tones(self, detector: Detector) -> Iterator[tuple[str, float, int]]:
        random, calm, nothing = np.random.default_rng(self.seed), CalmTones(_STORY_DAYS), Series.of(())
        months = (_STORY_DAYS - _WARM_STORY_DAYS) / _DAYS_A_MONTH
        entities = self._entities(months)
        for stratum, (low, high) in _ALL_STORIES_A_DAY.items():
            alarms = 0
            for _ in range(entities):
                series = calm.draw(random, _between(random, low, high))
                judged = series.buckets[series.buckets >= _WARM_STORY_DAYS * MINUTES_A_DAY].tolist()
                found = detector.findings(History(series, nothing), judged)
                alarms += episodes([finding.bucket for finding in found], 3 * MINUTES_A_DAY)
            yield stratum, entities * months, alarms

    def _volume(self, surge: VolumeSurge, promise: Promise, step_min: int = 5) -> Iterator[tuple[str, float, int]]:
        peaks, threshold = Peaks(), promise.threshold(self.promised)
        random, calm = np.random.default_rng(self.seed + 1), CalmVolume(_VOLUME_DAYS)
        months = (_VOLUME_DAYS - _WARM_VOLUME_DAYS) / _DAYS_A_MONTH
        entities = self._entities(months)
        for stratum, (low, high) in _COUNTS_A_BUCKET.items():
            alarms = 0
            for start in range(0, entities, _AT_ONCE):
                size = min(_AT_ONCE, entities - start)
                counts = np.stack([calm.draw(random, _between(random, low, high)) for _ in range(size)])
                steps = counts.reshape(size, -1, step_min * calm.slots // MINUTES_A_DAY).sum(axis=2)
                evidence = surge.judge(RegularCounts(0, step_min, steps)).evidence
                for one in evidence[:, _WARM_VOLUME_DAYS * MINUTES_A_DAY // step_min :]:
                    told = peaks.told(one, step_min)
                    alarms += episodes((np.flatnonzero(told >= threshold) * step_min).tolist(), peaks.quiet_min)
            yield stratum, entities * months, alarms

    def _entities(self, months: float) -> int:
        return max(1, round(self.entity_months / len(STORIES_A_DAY) / months))


def episodes(minutes: Sequence[int], quiet_min: int) -> int:
    """How many there are when what is no more than `quiet_min` behind the one before belongs to it."""
    return int(np.sum(np.diff(minutes, prepend=-np.inf) > quiet_min)) if len(minutes) else 0


def _between(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
