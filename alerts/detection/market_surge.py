"""Bad news of the whole market far beyond what this hour of the week usually has: one alarm about a day of crashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from alerts.detection.detectors import Counted
from alerts.detection.promises import MARKET_SURGE, Promise
from alerts.detection.series import Minutes, Series
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.detection.volume_surge import VolumeSurge

__all__ = ["SHARE", "MarketSurge"]

SHARE = 0.02
"""Its part of the budget, against 1 for the surges of the list: while it is on, companies' lesser alerts are held."""


@dataclass(frozen=True)
class MarketSurge(VolumeAlarm):
    """VolumeAlarm's judgement, hour by hour, of all negative stories together, whether or not they name a company.

    The market is an entity of its own and the only one, so the whole part of the budget is its. A count of an hour that
    is not over yet can only grow.
    """

    surge: VolumeSurge = field(default_factory=lambda: VolumeSurge(horizons_min=(60, 180, 720)))
    promise: Promise = MARKET_SURGE
    min_documents: int = 10
    step_min: int = 60

    name: ClassVar[str] = "market_surge"
    counted: ClassVar[Counted] = "market"

    def _total(self, series: Series) -> Minutes:
        return series.total_stories
