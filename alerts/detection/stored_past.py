"""The detectors over stored days: the episodes that their buckets make, by the code that judges the live stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from alerts.detection.counts import StoredCounts
from alerts.detection.detectors import Detector
from alerts.detection.judging import find, settle
from alerts.detection.lifecycle import Change, Episode
from alerts.detection.portions import portions
from alerts.detection.series import minute_of, time_of
from alerts.detection.work import Job
from storage.records import ANY_TOPIC
from storage.tables import trend_counts

__all__ = ["AT_ONCE", "Episodes", "episodes_of", "moved_buckets"]

AT_ONCE: Final = 2000
"""Buckets judged at a time, as the engine does."""


class Episodes:
    """Episodes that are kept nowhere but here."""

    def __init__(self) -> None:
        self._found: dict[str, dict[UUID, Episode]] = defaultdict(dict)

    def known(self, about: Sequence[str], since: int, until: int) -> dict[str, list[Episode]]:
        """By entity, all that were found so far: what is further away than asked for does no harm."""
        return {entity_id: list(self._found[entity_id].values()) for entity_id in about}

    def take(self, changes: Sequence[Change]) -> None:
        """Keeps each episode as it is after its change."""
        for change in changes:
            self._found[change.after.entity_id][change.after.alert_id] = change.after

    def all(self) -> list[Episode]:
        """Oldest first."""
        found = (episode for each in self._found.values() for episode in each.values())
        return sorted(found, key=lambda episode: (episode.first, episode.entity_id))


def episodes_of(
    connection: Connection, detector: Detector, since: int, until: int, *, quiet: timedelta
) -> list[Episode]:
    """What a detector finds in the minutes `since` to `until`, as if it had begun there; all of it is complete."""
    episodes, quiet_min = Episodes(), int(quiet.total_seconds() // 60)
    complete = until + quiet_min + 1
    for jobs in moved_buckets(connection, since, until):
        for about, counts in portions(StoredCounts(connection), detector, jobs, until):
            findings = find(detector, about, until, counts)
            verdict = settle(detector.name, findings, complete=complete, quiet=quiet, known=episodes.known)
            episodes.take(verdict.changes)
    return episodes.all()


def moved_buckets(
    connection: Connection, since: int, until: int, *, about: Collection[str] | None = None, at_once: int = AT_ONCE
) -> Iterator[Sequence[Job]]:
    """Every bucket that ever moved, oldest first: what the engine would have found on its list; None: of everything."""
    bucket, entity_id = trend_counts.c.bucket, trend_counts.c.entity_id
    query = select(bucket, entity_id).distinct().order_by(bucket, entity_id)
    query = query.where(trend_counts.c.topic == ANY_TOPIC, bucket.between(time_of(since), time_of(until)))
    if about is not None:
        query = query.where(entity_id.in_(sorted(about)))
    with connection.execute(query.execution_options(yield_per=at_once)) as rows:
        jobs = ((minute_of(at), one) for at, one in rows)
        while part := list(islice(jobs, at_once)):
            yield part
