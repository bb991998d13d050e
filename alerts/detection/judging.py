"""Judging: from buckets whose sums moved to the course of episodes. Reads, and leaves writing to its caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from alerts.detection.counts import Counts
from alerts.detection.detectors import Detector, Finding, History
from alerts.detection.joined import findings_of
from alerts.detection.lifecycle import Change, Course, Episode
from alerts.detection.series import MINUTES_A_DAY, Series
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.detection.work import Job
from storage.records import ANY_ENTITY

__all__ = ["Known", "Verdict", "find", "judge", "settle"]

_MARKET_REACH_MIN, _MARKET_ECHO_MIN = 30 * MINUTES_A_DAY, 7 * MINUTES_A_DAY

Known = Callable[[Sequence[str], int, int], dict[str, list[Episode]]]
"""By entity, episodes that are active, or lie between two buckets."""


@dataclass(frozen=True)
class Verdict:
    """Changes in the order in which they must be written, and jobs to be judged again later."""

    changes: tuple[Change, ...]
    later: frozenset[Job]


def judge(
    detector: Detector, jobs: Sequence[Job], *, complete: int, quiet: timedelta, counts: Counts, known: Known
) -> Verdict:
    """What the jobs bring about, when every bucket that ends by `complete` is known (minutes since 1970)."""
    findings = find(detector, jobs, complete + detector.guard_min, counts)
    return settle(detector.name, findings, complete=complete, quiet=quiet, known=known)


def settle(
    detector: str, findings: Mapping[str, Sequence[Finding]], *, complete: int, quiet: timedelta, known: Known
) -> Verdict:
    """What findings bring about, by entity; `detector` is the name under which their alerts are kept."""
    if not findings:
        return Verdict((), frozenset())
    buckets = [finding.bucket for found in findings.values() for finding in found]
    quiet_min = int(quiet.total_seconds() // 60)
    episodes = known(sorted(findings), min(buckets) - quiet_min, max(buckets) + quiet_min)
    changes: list[Change] = []
    later: set[Job] = set()
    for entity_id, found in sorted(findings.items()):
        course = Course(entity_id, detector, episodes.get(entity_id, ()), complete=complete, quiet=quiet)
        settled = course.settle(found)
        changes += settled.changes
        later |= {(bucket, entity_id) for bucket in settled.deferred}
    return Verdict(tuple(changes), frozenset(later))


def find(detector: Detector, jobs: Sequence[Job], ready: int, counts: Counts) -> dict[str, list[Finding]]:
    """By entity, the findings that the jobs may have brought about, in buckets up to `ready`.

    A count that grew in one bucket grows every horizon that holds the bucket, so the later buckets within the
    detector's echo are judged again: this is what makes the order of arrival not matter. For most detectors the
    market-wide rows are yardstick, not patient: they have a rhythm of their own.
    """
    touched: dict[str, list[int]] = defaultdict(list)
    for bucket, entity_id in jobs:
        if (entity_id == ANY_ENTITY) == (detector.counted == "market"):
            touched[entity_id].append(bucket)
    if not touched:
        return {}
    if detector.counted == "market":
        findings = _in_market(detector, touched[ANY_ENTITY], ready, counts)
        return {ANY_ENTITY: findings} if findings else {}
    first = min(min(buckets) for buckets in touched.values())
    until = min(max(max(buckets) for buckets in touched.values()) + detector.echo_min, ready)
    about = _talked_about(detector, sorted(touched), first - detector.echo_min, until, counts)
    series = _read(detector, about, first - detector.reach_min, until, counts) if about else {}
    return findings_of(detector, series, touched, ready, lambda: _market(detector, first, until, ready, counts))


def _talked_about(detector: Detector, entities: Sequence[str], since: int, until: int, counts: Counts) -> Sequence[str]:
    """Those whose past is worth reading: of most companies that are named too little is said for a surge of stories."""
    if not isinstance(detector, VolumeAlarm):
        return entities
    near = counts.volumes(entities, since, until)
    return [one for one in entities if one in near and near[one].total_stories[-1] >= detector.min_stories]


def _read(detector: Detector, entities: Sequence[str], since: int, until: int, counts: Counts) -> Mapping[str, Series]:
    if detector.counted == "tones":
        return counts.tones(entities, since, until)
    if detector.counted == "all":
        return counts.volumes(entities, since, until)
    return counts.entities(entities, since, until, detector.topics)


def _market(detector: Detector, first: int, last: int, ready: int, counts: Counts) -> Series:
    """The market's hours, enough of them for any detector: whoever asks next gets the same."""
    since = first - max(detector.market_reach_min, _MARKET_REACH_MIN)
    return counts.market(since, min(last + _MARKET_ECHO_MIN, ready), detector.topics)


def _in_market(detector: Detector, touched: Sequence[int], ready: int, counts: Counts) -> list[Finding]:
    """The hours within the echo of a touched one, each named by its first minute."""
    moved = np.unique(np.asarray(touched, dtype=np.int64) // 60 * 60)
    market = _market(detector, int(moved[0]), int(moved[-1]) + detector.echo_min, ready, counts)
    hours = market.buckets - 59
    behind = hours - moved[np.maximum(np.searchsorted(moved, hours, side="right") - 1, 0)]
    worth = (behind >= 0) & (behind < detector.echo_min) & (hours <= ready)
    return detector.findings(History(market, market), hours[worth].tolist())
