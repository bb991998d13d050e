"""Judging by rules: from buckets whose sums moved to findings. The same for the live stream and for the past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from alerts.detection.detectors import Finding
from alerts.detection.series import MINUTES_A_DAY
from alerts.detection.work import Job, close_together
from alerts.rules.rule import Rule
from alerts.rules.tally import Tally
from storage.records import ANY_ENTITY

__all__ = ["Tallies", "find", "looked_at"]


class Tallies(Protocol):
    """Where documents are counted for rules; minutes since 1970 throughout."""

    def watched(self, rule: Rule) -> frozenset[str] | None:
        """The ids that a rule looks at; None for every company."""

    def tallies(self, rule: Rule, about: Sequence[str], since: int, until: int) -> dict[str, Tally]:
        """What counts of each entity in the minutes `since` to `until`; absent where nothing does."""


def looked_at(entity_id: str, watched: frozenset[str] | None) -> bool:
    """Whether a rule that watches so looks at an entity; all documents together are looked at when they are named."""
    return entity_id in watched if watched is not None else entity_id != ANY_ENTITY


def find(rule: Rule, jobs: Sequence[Job], ready: int, documents: Tallies) -> dict[str, list[Finding]]:
    """By entity, the findings that jobs may have brought about, in buckets up to `ready`.

    A document that came late counts in every bucket whose stretch holds it, so those are judged again: the order of
    arrival does not matter. Most jobs hold nothing that counts for a rule, so their own minutes are looked at first.
    """
    watched = documents.watched(rule)
    wanted = sorted(job for job in jobs if job[0] <= ready and looked_at(job[1], watched))
    found: dict[str, list[Finding]] = defaultdict(list)
    for part in close_together(wanted, max(rule.within_min, MINUTES_A_DAY)):
        for entity_id, findings in _found(rule, part, ready, documents).items():
            found[entity_id] += findings
    return dict(found)


def _found(rule: Rule, jobs: Sequence[Job], ready: int, documents: Tallies) -> dict[str, list[Finding]]:
    touched: dict[str, list[int]] = defaultdict(list)
    for bucket, entity_id in jobs:
        touched[entity_id].append(bucket)
    moved: dict[str, list[int]] = {}
    for entity_id, tally in documents.tallies(rule, sorted(touched), jobs[0][0], jobs[-1][0]).items():
        if buckets := tally.buckets[np.isin(tally.buckets, touched[entity_id])].tolist():
            moved[entity_id] = buckets
    if not moved:
        return {}
    since = min(map(min, moved.values())) - rule.within_min + 1
    until = min(max(map(max, moved.values())) + rule.within_min - 1, ready)
    tallies = documents.tallies(rule, sorted(moved), since, until)
    found = {
        entity_id: rule.findings(tally, _echo(tally, moved[entity_id], rule.within_min))
        for entity_id, tally in sorted(tallies.items())
    }
    return {entity_id: findings for entity_id, findings in found.items() if findings}


def _echo(tally: Tally, moved: Sequence[int], within_min: int) -> list[int]:
    """The buckets of a tally whose stretch holds one that moved."""
    at = np.asarray(moved, dtype=np.int64)
    newest = at[np.maximum(np.searchsorted(at, tally.buckets, side="right") - 1, 0)]
    held = (newest <= tally.buckets) & (newest > tally.buckets - within_min)
    chosen: list[int] = tally.buckets[held].tolist()
    return chosen
