"""A dry run: when a rule would have told of what over stored days, by the code that judges the live stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Connection, select

from alerts.detection.evidence import Evidence
from alerts.detection.judging import settle
from alerts.detection.lifecycle import Episode
from alerts.detection.series import minute_of, time_of
from alerts.detection.work import Job
from alerts.rules.judging import find
from alerts.rules.rule import Rule
from alerts.rules.stored import StoredDocuments
from storage.records import ANY_TOPIC
from storage.tables import trend_counts

__all__ = ["Tried", "tried"]

_AT_ONCE: Final = 2000
"""Buckets judged at a time, as the engine does."""


@dataclass(frozen=True)
class Tried:
    """An alert that would have been raised, with what would have been its evidence, as far as it is still stored."""

    episode: Episode
    evidence: Evidence


def tried(connection: Connection, rule: Rule, since: int, until: int, *, at_once: int = _AT_ONCE) -> list[Tried]:
    """The alerts of a rule in the minutes `since` to `until`, had it been in force from `since` on; oldest first.

    All is complete, so share and mean are judged like counts. Documents that were taken down, erased or dropped since
    are missing.
    """
    documents = StoredDocuments(connection)
    episodes: dict[str, dict[object, Episode]] = defaultdict(dict)

    def known(about: Sequence[str], _: int, __: int) -> dict[str, list[Episode]]:
        return {entity_id: list(episodes[entity_id].values()) for entity_id in about}

    complete = until + rule.quiet_min + 1
    for jobs in _moved(connection, documents.watched(rule), since, until, at_once):
        found = find(rule, jobs, until, documents)
        quiet = timedelta(minutes=rule.quiet_min)
        verdict = settle(rule.detector, found, complete=complete, quiet=quiet, known=known)
        for change in verdict.changes:
            episodes[change.after.entity_id][change.after.alert_id] = change.after
    alerts = sorted(
        (episode for each in episodes.values() for episode in each.values()),
        key=lambda episode: (episode.first, episode.entity_id),
    )
    return [Tried(episode, documents.evidence(rule, episode.entity_id, episode.peak)) for episode in alerts]


def _moved(
    connection: Connection, watched: frozenset[str] | None, since: int, until: int, at_once: int
) -> Iterator[Sequence[Job]]:
    """Every bucket that ever moved, oldest first: what the engine would have found on its list."""
    bucket, entity_id = trend_counts.c.bucket, trend_counts.c.entity_id
    query = select(bucket, entity_id).distinct().order_by(bucket, entity_id)
    query = query.where(trend_counts.c.topic == ANY_TOPIC, bucket.between(time_of(since), time_of(until)))
    if watched is not None:
        query = query.where(entity_id.in_(sorted(watched)))
    with connection.execute(query.execution_options(yield_per=at_once)) as rows:
        jobs = ((minute_of(at), about) for at, about in rows)
        while part := list(islice(jobs, at_once)):
            yield part
