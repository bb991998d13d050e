"""More stories about a name that no watch list has than its own past makes credible, judged as VolumeAlarm judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from alerts.detection.detectors import Counted, Finding, History
from alerts.detection.name_counts import SourcedSeries
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm

__all__ = ["SHARE", "UnlistedVolume"]

SHARE: Final = 0.125
"""Its part of the budget, against 1 for the surges of bad news of the list: as much as UnlistedSurge has."""

_NAMES_A_DOCUMENT: Final = 0.5
"""So many names come with a document, well rounded up: in the news of 2023 it was 0.24 (decision 0036)."""

_ANY_NUMBER: Final = 2**40
"""Nobody knows how many names there are: what the market says of them bounds how many share the budget."""


@dataclass(frozen=True)
class UnlistedVolume:
    """Fires as VolumeAlarm does, with `false_alarms_per_day` for all names together, and told by `min_sources`.

    The sources are counted over the longest horizon, whichever fired, so that more stories never take an alarm back.
    """

    false_alarms_per_day: float
    min_sources: int = 2

    topics: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "unlisted_volume"
    counted: ClassVar[Counted] = "all"

    def __post_init__(self) -> None:
        Budget(self.false_alarms_per_day, 1)

    @cached_property
    def volume(self) -> VolumeAlarm:
        """What judges a single name."""
        budget = Budget(self.false_alarms_per_day, _ANY_NUMBER)
        return VolumeAlarm(budget, named_a_document=_NAMES_A_DOCUMENT)

    @property
    def min_stories(self) -> int:
        return self.volume.min_stories

    @property
    def guard_min(self) -> int:
        return self.volume.guard_min

    @property
    def reach_min(self) -> int:
        return self.volume.reach_min

    @property
    def market_reach_min(self) -> int:
        return self.volume.market_reach_min

    @property
    def echo_min(self) -> int:
        return self.volume.echo_min

    def findings(self, history: History, buckets: Sequence[int]) -> list[Finding]:
        found, told = self.volume.findings(history, buckets), history.entity
        if not isinstance(told, SourcedSeries):
            return found
        return [one for one in found if self._sources(told, one) >= self.min_sources]

    def _sources(self, told: SourcedSeries, finding: Finding) -> int:
        return told.sources(finding.bucket + finding.step_min - 1, max(self.volume.horizons_min))
