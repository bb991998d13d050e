"""The rules in the engine's transactions: what each has yet to judge, and what follows.

Every rule has a list of its own. It is judged when the engine has nothing else to do, oldest bucket first, whether it
came just now, had to wait until more was complete, or waits behind an alert that may still grow: so no bucket is judged
before an earlier one that may belong to the same alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from alerts.detection.evidence import Evidence
from alerts.detection.judging import Known, settle
from alerts.detection.lifecycle import Change, Episode
from alerts.detection.work import Job
from alerts.errors import WrongSettingError
from alerts.rules import work
from alerts.rules.judging import find, looked_at
from alerts.rules.rule import Rule
from alerts.rules.stored import StoredDocuments

__all__ = ["RuleDesk", "Ruled", "check_quiet"]


@dataclass(frozen=True)
class Ruled:
    """What one rule brings about, and how the evidence for its alerts is gathered."""

    changes: Sequence[Change]
    evidence: Callable[[Episode], Evidence]


@dataclass(frozen=True)
class RuleDesk:
    """`rules` in force; `guard_min` is how far beyond what is complete the engine takes buckets from its list.

    `known` gives the episodes of a detector by name.
    """

    rules: Sequence[Rule]
    guard_min: int
    known: Callable[[Connection, str], Known]

    def take(self, connection: Connection, jobs: Sequence[Job]) -> None:
        """Puts jobs on the lists of those rules that look at them."""
        documents = StoredDocuments(connection)
        for rule in self.rules:
            ahead, watched = rule.ahead_min(self.guard_min), documents.watched(rule)
            wanted = [job for job in jobs if looked_at(job[1], watched)]
            work.put(connection, rule.name, wanted, [bucket - ahead for bucket, _ in wanted])

    def judge(self, connection: Connection, complete: int, most: int) -> Iterator[Ruled]:
        """What is due brings about, at most so many jobs of each rule; nothing once nothing is due."""
        for rule in self.rules:
            if jobs := work.claim(connection, rule.name, complete=complete, most=most):
                yield self._judge(connection, rule, jobs, complete)

    def _judge(self, connection: Connection, rule: Rule, jobs: Sequence[Job], complete: int) -> Ruled:
        documents = StoredDocuments(connection)
        verdict = settle(
            rule.detector,
            find(rule, jobs, complete + rule.ahead_min(self.guard_min), documents),
            complete=complete,
            quiet=timedelta(minutes=rule.quiet_min),
            known=self.known(connection, rule.detector),
        )
        later = sorted(verdict.later)
        work.put(connection, rule.name, later, [complete + 1] * len(later))
        return Ruled(verdict.changes, partial(_evidence, documents, rule))


def check_quiet(rules: Sequence[Rule], allowed_lateness: timedelta) -> None:
    """Raises WrongSettingError for a rule that would have to wait for later news before it is told."""
    for rule in rules:
        if timedelta(minutes=rule.quiet_min) <= allowed_lateness:
            fix = f"make it longer than the allowed lateness, {allowed_lateness}"
            raise WrongSettingError(f"quiet_min of rule {rule.name}", rule.quiet_min, fix)


def _evidence(documents: StoredDocuments, rule: Rule, episode: Episode) -> Evidence:
    return documents.evidence(rule, episode.entity_id, episode.peak)
