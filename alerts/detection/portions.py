"""What a detector is to judge at a time, and where it finds the counts: the same live and over the past."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from alerts.detection.counts import Counts, StoredCounts
from alerts.detection.detectors import Detector
from alerts.detection.name_counts import NameCounts
from alerts.detection.series import MINUTES_A_DAY
from alerts.detection.unlisted import is_unlisted
from alerts.detection.unlisted_surge import UnlistedSurge
from alerts.detection.unlisted_volume import UnlistedVolume
from alerts.detection.work import Job, close_together

__all__ = ["counts_of", "portions"]

_APART_MIN: Final = 14 * MINUTES_A_DAY
"""What is further apart than this is read apart: who was in the news a year ago is seldom who is today."""


def portions(
    stored: StoredCounts, detector: Detector, jobs: Sequence[Job], ready: int
) -> Iterator[tuple[Sequence[Job], Counts]]:
    """All at once but for what came late by weeks, or names a portion at a time."""
    if isinstance(detector, UnlistedSurge | UnlistedVolume):
        every_tone = detector.counted == "all"
        least = {"stories": detector.min_stories, "sources": detector.min_sources}
        names = NameCounts(stored, **least, every_tone=every_tone)
        for portion in names.jobs(jobs, detector.echo_min, ready):
            yield portion, names
    else:
        for part in close_together(sorted(jobs), max(_APART_MIN, detector.echo_min)):
            yield part, stored


def counts_of(stored: StoredCounts, entity_id: str) -> Counts:
    """Where the counts of a company are read, or of a name that no list has."""
    return NameCounts(stored) if is_unlisted(entity_id) else stored
