"""What a detector is to judge at a time, and where it finds the counts: the same live and over the past."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alerts.detection.counts import Counts, StoredCounts
from alerts.detection.detectors import Detector
from alerts.detection.name_counts import NameCounts
from alerts.detection.unlisted_surge import UnlistedSurge
from alerts.detection.work import Job

__all__ = ["portions"]


def portions(
    stored: StoredCounts, detector: Detector, jobs: Sequence[Job], ready: int
) -> Iterator[tuple[Sequence[Job], Counts]]:
    """All at once, or names a portion at a time."""
    if isinstance(detector, UnlistedSurge):
        names = NameCounts(stored, stories=detector.min_stories, sources=detector.min_sources)
        for portion in names.jobs(jobs, detector.echo_min, ready):
            yield portion, names
    else:
        yield jobs, stored
