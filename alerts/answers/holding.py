"""Why an alert is not told of for now: silenced, inhibited by a wider alarm, or flapping. It is pending meanwhile.

A hold is looked up anew whenever it matters, when an alert opens and when the clock asks whether it may go, and never
remembered: whatever ends it, the next look sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select, update

from alerts.answers import silences, standing
from alerts.answers.matchers import Labels, Matcher, matches, parse
from alerts.answers.silences import Silence
from alerts.answers.standing import Standing
from alerts.detection.detectors import RULE
from alerts.detection.lifecycle import Episode
from alerts.detection.series import time_of
from alerts.detection.thresholds import SEVERITIES, rank
from storage.records import ANY_ENTITY
from storage.tables import alerts

__all__ = ["MARKET_QUIETS_MEMBERS", "Flapping", "Holding", "Holds", "Inhibition"]

_TOLD: Final = ("firing", "acknowledged", "reopened", "snoozed")


@dataclass(frozen=True)
class Inhibition:
    """While an alert that matches `source` is on, those that match `target` are held, as in Alertmanager.

    The values of the labels in `equal` must be the same for both, or have one in common where there are several.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def holds(self, source: Labels, target: Labels) -> bool:
        """Whether an alert with the labels `source` quiets one with the labels `target`."""
        same = all(set(source.get(label) or ("",)) & set(target.get(label) or ("",)) for label in self.equal)
        return same and matches(self.source, source) and matches(self.target, target)


MARKET_QUIETS_MEMBERS: Final = Inhibition(
    (parse(f"entity={ANY_ENTITY}"),),
    (parse(f"entity!={ANY_ENTITY}"), parse("severity!=critical"), parse("detector!=risk_event")),
)
"""An alarm about the whole market says what its companies' alarms would; the gravest of them are told nevertheless, and
a fraud is no matter of the market."""


@dataclass(frozen=True)
class Flapping:
    """The alert of an entity and detector that opened `openings` times within `window` (event time) before is held,
    unless it is graver than all of those. 0 openings: never."""

    openings: int = 3
    window: timedelta = timedelta(days=14)

    def since(self, connection: Connection, episode: Episode) -> int:
        """How many earlier alerts make this one a flapping one; 0 where it is none."""
        if not self.openings:
            return 0
        first = time_of(episode.first)
        query = select(alerts.c.severity).where(
            alerts.c.entity_id == episode.entity_id,
            alerts.c.detector == episode.detector,
            alerts.c.first_bucket < first,
            alerts.c.first_bucket >= first - self.window,
            alerts.c.alert_id != episode.alert_id,
        )
        before = list(connection.execute(query).scalars())
        graver = before and rank(episode.severity) > max(SEVERITIES.index(each) for each in before)
        return 0 if graver or len(before) < self.openings else len(before)


@dataclass(frozen=True)
class Holding:
    """The rules in force.

    `one_a_company`: while one alert about a company is told, what other detectors find of it waits until it is graver.
    Operators' rules neither wait nor hold: somebody asked for them.
    """

    inhibitions: tuple[Inhibition, ...] = (MARKET_QUIETS_MEMBERS,)
    flapping: Flapping = field(default_factory=Flapping)
    one_a_company: bool = False

    def look(self, connection: Connection, now: datetime) -> Holds:
        """What holds alerts at this moment, for one transaction."""
        return Holds(connection, self, silences.active(connection, now), self._sources(connection))

    def _sources(self, connection: Connection) -> list[Standing]:
        """Alerts that are on and may quiet others. Rules that name their source's entity keep this quick."""
        if not self.inhibitions:
            return []
        query = select(alerts.c.alert_id).where(alerts.c.status.in_(_TOLD))
        named = [_named(rule.source) for rule in self.inhibitions]
        if all(named):
            query = query.where(alerts.c.entity_id.in_(sorted({name for names in named for name in names})))
        found = standing.read(connection, connection.execute(query).scalars())
        return [each for each in found.values() if any(matches(rule.source, each.labels) for rule in self.inhibitions)]


class Holds:
    """What holds alerts at one moment."""

    def __init__(
        self, connection: Connection, rules: Holding, quiet: Sequence[Silence], sources: list[Standing]
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._quiet = quiet
        self._sources: list[tuple[UUID, Labels]] = [(each.alert_id, each.labels) for each in sources]

    def why(self, episode: Episode, labels: Labels) -> str:
        """What holds this alert, to be read by people; empty where nothing does."""
        silence = self.silenced(labels)
        if silence:
            return f"silence {silence.silence_id}"
        for alert_id, source in self._sources:
            if alert_id != episode.alert_id and any(rule.holds(source, labels) for rule in self._rules.inhibitions):
                return f"alert {alert_id} of {source['entity'][0]}"
        other = self._other(episode) if self._rules.one_a_company else None
        if other is not None:
            return f"alert {other} of the same company"
        flaps = self._rules.flapping.since(self._connection, episode)
        return f"flapping: {flaps} alerts in {self._rules.flapping.window.days} days" if flaps else ""

    def _other(self, episode: Episode) -> UUID | None:
        """An alert about the same company by another detector, told and as grave."""
        if episode.detector.startswith(RULE):
            return None
        query = select(alerts.c.alert_id).where(
            alerts.c.entity_id == episode.entity_id,
            alerts.c.detector != episode.detector,
            ~alerts.c.detector.startswith(RULE),
            alerts.c.status.in_(_TOLD),
            alerts.c.severity.in_(SEVERITIES[rank(episode.severity) :]),
        )
        return self._connection.execute(query.limit(1)).scalar()

    def silenced(self, labels: Labels) -> Silence | None:
        """The silence that keeps such an alert quiet."""
        return silences.quietened(self._quiet, labels)

    def note(self, alert_id: UUID, held_by: str) -> None:
        """Writes what holds a pending alert, where that has become another thing since it was held."""
        self._connection.execute(update(alerts).where(alerts.c.alert_id == alert_id).values(held_by=held_by))

    def opened(self, episode: Episode, labels: Labels) -> None:
        """Reckons with an alert that has just been told of."""
        if any(matches(rule.source, labels) for rule in self._rules.inhibitions):
            self._sources.append((episode.alert_id, labels))


def _named(source: Iterable[Matcher]) -> set[str]:
    """The entities that a source must be about, where its matchers say so."""
    return {each.value for each in source if each.label == "entity" and each.operator == "="}
