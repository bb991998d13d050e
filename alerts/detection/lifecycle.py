"""From findings to episodes: one alert from the first firing bucket until it has been quiet. Pure, in event time.

This is detection's half, a function of the stored stream alone; what people make of an alert is in
`alerts/answers/transitions.py`.

Which episodes there are does not depend on when or in what order findings came: a new episode is opened only when
the one before it can no longer grow toward it, that is, when every bucket of its quiet time is complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid5

from alerts.detection.detectors import Finding
from alerts.detection.series import time_of
from alerts.detection.thresholds import Severity, rank

__all__ = [
    "COUNTED",
    "ENDED",
    "ESCALATED",
    "FIRING",
    "OPENED",
    "RESOLVED",
    "Change",
    "Course",
    "Episode",
    "Settled",
    "absorb",
    "opened",
    "resolved",
    "why",
]

_NAMESPACE = UUID("6f1d4a0e-6a55-5d8e-9a39-2f0c1b7c5e11")

FIRING = "firing"
RESOLVED = "resolved"

COUNTED = {
    "negative_surge": "negative stories",
    "unlisted_surge": "negative stories",
    "first_bad_news": "negative stories after a long quiet",
    "risk_event": "negative stories of a grave risk",
    "market_surge": "negative stories of the whole market",
    "share_shift": "negative stories among all of them",
    "mean_shift": "negative stories among those of a worse tone",
    "volume_surge": "stories of any tone",
    "unlisted_volume": "stories of any tone",
}
"""What the numbers of each detector's findings count."""

OPENED = "alert.opened"
ESCALATED = "alert.escalated"
ENDED = "alert.resolved"


@dataclass(frozen=True)
class Episode:
    """An alert as far as its course goes. `first` and `last` are firing buckets, in minutes since 1970.

    `status` is firing or resolved: what detection says, whatever people have made of it meanwhile.
    """

    alert_id: UUID
    entity_id: str
    detector: str
    status: str
    severity: Severity
    first: int
    last: int
    peak: Finding
    """The least probable finding so far: what the alert shows. Its order of arrival does not matter."""

    @property
    def active(self) -> bool:
        return self.status != RESOLVED

    def near(self, bucket: int, quiet_min: int) -> bool:
        """Whether a firing bucket belongs to this episode."""
        return self.first - quiet_min <= bucket <= self.last + quiet_min

    def over(self, complete: int, quiet_min: int) -> bool:
        """Whether no bucket that could still fire belongs to it; all buckets that end by `complete` are known."""
        return complete > self.last + quiet_min


@dataclass(frozen=True)
class Change:
    """What became of one episode; `before` is None when it is new."""

    before: Episode | None
    after: Episode

    @property
    def events(self) -> tuple[str, ...]:
        """What the outside hears of it, in order. An escalation of what is over is history, not news."""
        before, after = self.before, self.after
        told = [OPENED] if before is None else []
        if before is not None and after.active and rank(after.severity) > rank(before.severity):
            told.append(ESCALATED)
        if not after.active and (before is None or before.active):
            told.append(ENDED)
        return tuple(told)


@dataclass(frozen=True)
class Settled:
    """Changes in the order in which they must be written, and buckets to be judged again when more is complete."""

    changes: tuple[Change, ...]
    deferred: tuple[int, ...]


def opened(entity_id: str, detector: str, finding: Finding) -> Episode:
    """A new episode. Its id follows from what it is about, so the same stored stream gives the same ids."""
    name = f"{detector}\0{entity_id}\0{finding.bucket}"
    return Episode(
        alert_id=uuid5(_NAMESPACE, name),
        entity_id=entity_id,
        detector=detector,
        status=FIRING,
        severity=finding.severity,
        first=finding.bucket,
        last=finding.bucket,
        peak=finding,
    )


def absorb(episode: Episode, finding: Finding) -> Episode:
    """The episode with one more finding: it may begin earlier, end later and grow worse, never milder."""
    worse = rank(finding.severity) > rank(episode.severity)
    peak = min(episode.peak, finding, key=_by_weight)
    return replace(
        episode,
        first=min(episode.first, finding.bucket),
        last=max(episode.last, finding.bucket),
        severity=finding.severity if worse else episode.severity,
        peak=peak,
    )


def _by_weight(finding: Finding) -> tuple[float, ...]:
    """The least probable first; of a rule's, which are all alike in that, the largest; of one bucket's the largest."""
    size = (-finding.observed, -finding.observed_documents) if finding.rule else ()
    return (finding.p_value, *size, finding.bucket, -finding.observed)


def resolved(episode: Episode) -> Episode:
    """The episode after its quiet time."""
    return replace(episode, status=RESOLVED)


class Course:
    """The episodes of one entity and detector while findings are folded in."""

    def __init__(
        self, entity_id: str, detector: str, known: Iterable[Episode], *, complete: int, quiet: timedelta
    ) -> None:
        self._about = (entity_id, detector)
        self._before = {episode.alert_id: episode for episode in known}
        self._now = dict(self._before)
        self._complete = complete
        self._quiet_min = int(quiet.total_seconds() // 60)
        self._order: list[UUID] = []

    def settle(self, findings: Sequence[Finding]) -> Settled:
        """Folds findings in, oldest first, whatever their order."""
        ordered = sorted(findings, key=lambda finding: finding.bucket)
        deferred = [finding.bucket for finding in ordered if not self._take(finding)]
        pairs = ((self._before.get(key), self._now[key]) for key in self._order)
        changes = tuple(Change(before, after) for before, after in pairs if before != after)
        return Settled(changes, tuple(deferred))

    def _take(self, finding: Finding) -> bool:
        near = [each for each in self._now.values() if each.near(finding.bucket, self._quiet_min)]
        if near:
            self._put(absorb(max(near, key=lambda each: (each.active, each.last)), finding))
            return True
        active = next((each for each in self._now.values() if each.active), None)
        if active is None:
            self._put(opened(*self._about, finding))
        elif finding.bucket < active.first:  # later than the allowed lateness: over before it was heard of
            self._put(resolved(opened(*self._about, finding)))
        elif active.over(self._complete, self._quiet_min):
            self._put(resolved(active))
            self._put(opened(*self._about, finding))
        else:
            return False
        return True

    def _put(self, episode: Episode) -> None:
        self._now[episode.alert_id] = episode
        if episode.alert_id not in self._order:
            self._order.append(episode.alert_id)


def why(finding: Finding, detector: str = "negative_surge") -> str:
    """One line for the history: what was seen against what was expected, or what a rule asked for."""
    until = f"to {time_of(finding.bucket):%Y-%m-%d %H:%M} UTC"
    if finding.rule:
        return f"{finding.rule} {until}"
    span = f"{finding.horizon_min / 60:g} h {until}"
    return (
        f"{finding.observed} {COUNTED.get(detector, 'counts')} in {span}, "
        f"{finding.expected:.3g} expected (p {finding.p_value:.1e})"
    )
