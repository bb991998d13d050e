"""A rule: which documents count for it, and how many of them within how long are told. A pure function of counts.

A rule knows nothing of what is usual, so it promises no rate of false alarms: it tells whatever it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from alerts.detection.detectors import RULE, Finding
from alerts.detection.rule_seen import Bound, RuleSeen
from alerts.detection.series import MINUTES_A_DAY
from alerts.detection.thresholds import Severity
from alerts.patterns import compiled, of_words
from alerts.rules.tally import MEASURES, Measure, Tally
from alerts.rules.times import Times
from storage.records import ANY_ENTITY

__all__ = ["Rule"]

_COUNTS: Final[tuple[Measure, ...]] = MEASURES[:4]


@dataclass(frozen=True)
class Rule:
    """What is told: within `within_min` minutes all of `bounds` are reached by documents of one company.

    A document counts where all of this holds, as far as it is given: it names one of `entities`, or of a company of
    one of `groups` (neither: any company; `*` stands for all documents together); it has one of `topics` and comes
    from one of `sources`; `pattern` and `words` are both found in title or lead; it was published within `times`.

    Counts must be reached, `negative_share` too; `mean_score` must be as low. Counts only grow, so a rule of counts is
    told at once. Share and mean go up and down: they are judged when the minute is complete.
    """

    name: str
    bounds: Mapping[Measure, float]
    severity: Severity = "watch"
    within_min: int = 60
    quiet_min: int = MINUTES_A_DAY
    entities: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    pattern: str = ""
    words: tuple[str, ...] = ()
    times: Times = field(default_factory=Times)

    @property
    def detector(self) -> str:
        """What its alerts say they were found by."""
        return RULE + self.name

    @property
    def reads_text(self) -> bool:
        """Whether what counts depends on what a document says."""
        return bool(self.pattern or self.words)

    @property
    def settled(self) -> bool:
        """Whether it can only be judged when a minute is complete."""
        return any(measure not in _COUNTS for measure in self.bounds)

    @property
    def everything(self) -> bool:
        """Whether it looks at all documents together."""
        return ANY_ENTITY in self.entities

    def ahead_min(self, guard_min: int) -> int:
        """How many minutes beyond what is complete it may judge; a new alert is never ahead of one that may grow."""
        return -1 if self.settled else min(guard_min, self.quiet_min)

    def finds(self, title: str, lead: str) -> bool:
        """Whether the text is one that it looks for."""
        return all(each.search(title) or each.search(lead) for each in self._wanted)

    @cached_property
    def _wanted(self) -> tuple[Any, ...]:
        pattern = (compiled(self.pattern),) if self.pattern else ()
        return (*pattern, of_words(self.words)) if self.words else pattern

    def findings(self, tally: Tally, buckets: Sequence[int]) -> list[Finding]:
        """The buckets of `buckets` in which it fires, in their order."""
        return [found for bucket in buckets if (found := self._fires(tally, bucket)) is not None]

    def _fires(self, tally: Tally, bucket: int) -> Finding | None:
        seen = tally.within(bucket, self.within_min)
        for measure, bound in self.bounds.items():
            if seen[measure] > bound if measure == "mean_score" else seen[measure] < bound:
                return None
        leading: Measure = next((measure for measure in _COUNTS if measure in self.bounds), "documents")
        return Finding(
            bucket=bucket,
            horizon_min=self.within_min,
            observed=int(seen[leading]),
            observed_documents=int(seen["documents"]),
            expected=0.0,
            p_value=1.0,
            severity=self.severity,
            since=tally.since(bucket, self.within_min),
            rule=self._seen(seen),
        )

    def _seen(self, seen: Mapping[Measure, float]) -> RuleSeen:
        bounds = tuple(Bound(measure=each, bound=bound, seen=seen[each]) for each, bound in self.bounds.items())
        return RuleSeen(
            name=self.name, within_min=self.within_min, bounds=bounds, pattern=self.pattern, words=self.words
        )
