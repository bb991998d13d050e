"""Recording: what the changes of episodes leave behind, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from alerts.answers import alert_rows
from alerts.answers.holding import Holding, Holds
from alerts.answers.labels import labels_of
from alerts.answers.transition_rows import Taken
from alerts.delivery.announcing import Destination, announce
from alerts.detection import evidence
from alerts.detection.evidence import Evidence
from alerts.detection.lifecycle import Change, Episode
from alerts.detection.unlisted import name_of
from alerts.detection.volumes import OF_VOLUME
from storage.tables import entities

__all__ = ["Gather", "record"]

Gather = Callable[[Episode], Evidence]


@dataclass(frozen=True)
class _Company:
    name: str
    groups: tuple[str, ...]


def record(
    connection: Connection,
    changes: Sequence[Change],
    endpoints: Sequence[Destination],
    now: datetime,
    holding: Holding | None = None,
    gather: Gather | None = None,
) -> None:
    """Writes alerts with evidence, history, and deliveries; `holding` (default: the usual rules) says what waits.

    `gather` finds the evidence for an episode's peak; default: the news that its detector counts.
    """
    companies = _companies(connection, {change.after.entity_id for change in changes if change.before is None})
    holds = (holding or Holding()).look(connection, now)
    taken: list[Taken] = []
    for change in changes:
        taken += _write(connection, change, companies, holds, now, gather or partial(_news, connection))
    announce(connection, taken, endpoints, now)


def _write(
    connection: Connection,
    change: Change,
    companies: dict[str, _Company],
    holds: Holds,
    now: datetime,
    gather: Gather,
) -> list[Taken]:
    before, after = change.before, change.after
    if before is not None and before.peak == after.peak:
        return alert_rows.write(connection, change, None, now)
    found = gather(after)
    if before is not None:
        found = evidence.with_words_of(found, alert_rows.evidence_of(connection, after.alert_id))
    topics = evidence.topics_of(connection, found)
    held_by = ""
    if before is None:
        company = companies.get(after.entity_id, _Company(name_of(after.entity_id), ()))
        labels = labels_of(after, name=company.name, groups=company.groups, topics=topics)
        held_by = holds.why(after, labels)
        if not held_by:
            holds.opened(after, labels)
    return alert_rows.write(connection, change, {"evidence": evidence.as_json(found), "topics": topics}, now, held_by)


def _news(connection: Connection, episode: Episode) -> Evidence:
    every_tone = episode.detector in OF_VOLUME
    return evidence.gather(connection, episode.entity_id, episode.peak, every_tone=every_tone)


def _companies(connection: Connection, wanted: Iterable[str]) -> dict[str, _Company]:
    query = select(entities.c.entity_id, entities.c.name, entities.c.groups)
    rows: Sequence[Any] = connection.execute(query.where(entities.c.entity_id.in_(sorted(wanted)))).all()
    return {row.entity_id: _Company(row.name, tuple(row.groups)) for row in rows}
