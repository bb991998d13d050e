"""Recording: what the changes of episodes leave behind, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from alerts import alert_rows, evidence, silences
from alerts.announcing import announce
from alerts.endpoints import Endpoint
from alerts.labels import labels_of
from alerts.lifecycle import Change
from alerts.silences import Silence
from alerts.transition_rows import Taken
from storage.tables import alerts, entities

__all__ = ["record"]


@dataclass(frozen=True)
class _Company:
    name: str
    groups: tuple[str, ...]


def record(connection: Connection, changes: Sequence[Change], endpoints: Sequence[Endpoint], now: datetime) -> None:
    """Writes alerts with evidence, history, and a delivery for each event and endpoint that wants it."""
    companies = _companies(connection, {change.after.entity_id for change in changes if change.before is None})
    quiet = silences.active(connection, now)
    taken: list[Taken] = []
    for change in changes:
        taken += _write(connection, change, companies, quiet, now)
    announce(connection, taken, endpoints, now)


def _write(
    connection: Connection, change: Change, companies: dict[str, _Company], quiet: Sequence[Silence], now: datetime
) -> list[Taken]:
    before, after = change.before, change.after
    if before is not None and before.peak == after.peak:
        return alert_rows.write(connection, change, None, now)
    found = evidence.gather(connection, after.entity_id, after.peak)
    topics = evidence.topics_of(connection, found)
    held_by = "" if before else _held_by(change, companies, topics, quiet)
    taken = alert_rows.write(connection, change, evidence.as_json(found), now, held_by)
    connection.execute(update(alerts).where(alerts.c.alert_id == after.alert_id).values(topics=topics))
    return taken


def _held_by(change: Change, companies: dict[str, _Company], topics: Sequence[str], quiet: Sequence[Silence]) -> str:
    """Why nobody is to be told of a new alert; empty where there is no reason."""
    episode = change.after
    company = companies.get(episode.entity_id, _Company(episode.entity_id, ()))
    labels = labels_of(episode, name=company.name, groups=company.groups, topics=topics)
    silence = silences.quietened(quiet, labels)
    return f"silence {silence.silence_id}" if silence else ""


def _companies(connection: Connection, wanted: Iterable[str]) -> dict[str, _Company]:
    query = select(entities.c.entity_id, entities.c.name, entities.c.groups)
    rows: Sequence[Any] = connection.execute(query.where(entities.c.entity_id.in_(sorted(wanted)))).all()
    return {row.entity_id: _Company(row.name, tuple(row.groups)) for row in rows}
