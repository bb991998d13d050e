"""The first bad news about a company after a long quiet, as soon as a second story bears it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from alerts.detection.baselines import Baseline
from alerts.detection.detectors import NegativeSurge
from alerts.detection.promises import FIRST_BAD_NEWS, Promise

__all__ = ["SHARE", "FirstBadNews"]

SHARE = 0.25
"""Its part of the budget, against 1 for the surges of the list."""


@dataclass(frozen=True)
class FirstBadNews(NegativeSurge):
    """Fires with two negative stories within a day about a company that had next to none for half a year.

    The judgement is NegativeSurge's over hours, with a memory that weighs as much as the last weeks: one bad day half
    a year ago, and a company is no stranger to bad news. A single first story is told of by no detector but RiskEvent:
    in the news of 2023 there were eight times as many of them (docs/decisions/0027).
    """

    baseline: Baseline = field(default_factory=lambda: Baseline(memory_weight_days=40, memory_half_life_days=180))
    horizons_min: tuple[int, ...] = (360, 1440)
    min_stories: int = 2

    name: ClassVar[str] = "first_bad_news"
    promise: ClassVar[Promise] = FIRST_BAD_NEWS
