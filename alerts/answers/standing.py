"""An alert as it stands in the database: its episode, what people made of it, and the labels it is known by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, Text, select
from sqlalchemy import cast as sql_cast

from alerts.answers.alert_rows import episode_of
from alerts.answers.labels import labels_of
from alerts.answers.matchers import Labels
from alerts.answers.transitions import Status
from alerts.detection.evidence import Evidence, from_json
from alerts.detection.lifecycle import Episode
from alerts.detection.unlisted import name_of
from alerts.errors import UnknownAlertError
from storage.tables import alerts, entities

__all__ = ["Standing", "find", "read"]

_SHORTEST = 4


@dataclass(frozen=True)
class Standing:
    """One alert, read together with the watch list's entry of its company."""

    episode: Episode
    evidence: Evidence
    status: Status
    name: str
    groups: tuple[str, ...]
    topics: tuple[str, ...]
    held_by: str
    told_at: datetime | None
    told_severity: str
    acknowledged_by: str
    snoozed_until: datetime | None
    reminders: int

    @property
    def alert_id(self) -> UUID:
        return self.episode.alert_id

    @property
    def labels(self) -> Labels:
        """What matchers see."""
        return labels_of(self.episode, name=self.name, groups=self.groups, topics=self.topics)


def read(connection: Connection, alert_ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Standing]:
    """Alerts by id; absent where there is none. With `lock` nobody else changes them until the transaction ends.

    Rows are locked in the order of their ids, as everywhere, so that two who lock several do not wait in a circle.
    """
    wanted = sorted(set(alert_ids))
    if not wanted:
        return {}
    query = (
        select(alerts, entities.c.name, entities.c.groups)
        .outerjoin(entities, entities.c.entity_id == alerts.c.entity_id)
        .where(alerts.c.alert_id.in_(wanted))
        .order_by(alerts.c.alert_id)
    )
    rows = connection.execute(query.with_for_update(of=alerts) if lock else query)
    return {row.alert_id: _standing(row) for row in rows}


def find(connection: Connection, beginning: str) -> UUID:
    """The id of the one alert whose id begins so, four characters at least. Raises UnknownAlertError."""
    text = beginning.strip().lower()
    query = select(alerts.c.alert_id).where(sql_cast(alerts.c.alert_id, Text).startswith(text, autoescape=True))
    found = list(connection.execute(query.limit(2)).scalars()) if len(text) >= _SHORTEST else []
    if len(found) != 1:
        raise UnknownAlertError(beginning, len(found))
    return cast(UUID, found[0])


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        episode=episode_of(row),
        evidence=from_json(row.evidence),
        status=cast(Status, row.status),
        name=row.name or name_of(row.entity_id),
        groups=tuple(row.groups or ()),
        topics=tuple(row.topics),
        held_by=row.held_by,
        told_at=row.told_at,
        told_severity=row.told_severity,
        acknowledged_by=row.acknowledged_by,
        snoozed_until=row.snoozed_until,
        reminders=row.reminders,
    )
