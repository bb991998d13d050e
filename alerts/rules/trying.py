"""A dry run: when a rule would have told of what over stored days, by the code that judges the live stream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from alerts.detection.evidence import Evidence
from alerts.detection.judging import settle
from alerts.detection.lifecycle import Episode
from alerts.detection.stored_past import Episodes, moved_buckets
from alerts.rules.judging import find
from alerts.rules.rule import Rule
from alerts.rules.stored import StoredDocuments
from storage.heartbeat import beating

__all__ = ["Tried", "tried"]


@dataclass(frozen=True)
class Tried:
    """An alert that would have been raised, with what would have been its evidence, as far as it is still stored."""

    episode: Episode
    evidence: Evidence


def tried(connection: Connection, rule: Rule, since: int, until: int) -> list[Tried]:
    """The alerts of a rule in the minutes `since` to `until`, had it been in force from `since` on; oldest first.

    All is complete, so share and mean are judged like counts. Documents that were taken down, erased or dropped since
    are missing.
    """
    documents, episodes = StoredDocuments(connection), Episodes()
    quiet, complete = timedelta(minutes=rule.quiet_min), until + rule.quiet_min + 1
    with beating(connection):
        for jobs in moved_buckets(connection, since, until, about=documents.watched(rule)):
            found = find(rule, jobs, until, documents)
            verdict = settle(rule.detector, found, complete=complete, quiet=quiet, known=episodes.known)
            episodes.take(verdict.changes)
        return [Tried(each, documents.evidence(rule, each.entity_id, each.peak)) for each in episodes.all()]
