"""Earlier alerts that are like one, and how they ended: what an analyst asks first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from alerts.detection.unlisted import name_of

__all__ = ["SimilarAlert", "similar_alerts"]

_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class SimilarAlert:
    """An alert that began earlier. `likeness` up to 1: of the same company 0.4, the share of its topics up to 0.4,
    by the same detector 0.2.

    `verdict` is true, false_alarm or empty, the newest of analysts, `verdict_by` and `verdict_why` whose and why.
    `ended_at`, `ended_by` and `ended_why` are of its last end; empty while it is on. "engine": it went quiet.
    """

    alert_id: UUID
    entity_id: str
    name: str
    detector: str
    severity: str
    status: str
    first_bucket: datetime
    last_bucket: datetime
    observed: int
    expected: float
    same_company: bool
    shared_topics: tuple[str, ...]
    likeness: float
    verdict: str
    verdict_by: str
    verdict_why: str
    ended_at: datetime | None
    ended_by: str
    ended_why: str


def similar_alerts(connection: Connection, alert_id: UUID, *, most: int = _MOST) -> list[SimilarAlert]:
    """At most `most`, the likest first, newer ones before older: of the company, or of a topic and group of it."""
    return [_similar(row) for row in connection.execute(_SIMILAR, {"alert_id": alert_id, "most": most})]


def _similar(row: Row[Any]) -> SimilarAlert:
    values = dict(row._mapping)
    return SimilarAlert(
        **values | {"name": row.name or name_of(row.entity_id), "shared_topics": tuple(row.shared_topics)}
    )


# Ends and verdicts are looked up for the few that are shown, not for all.
_SIMILAR = text(
    """
    WITH asked AS (
        SELECT a.alert_id, a.entity_id, a.detector, a.first_bucket, a.topics, coalesce(e.groups, '{}') AS groups
        FROM alerts a LEFT JOIN entities e ON e.entity_id = a.entity_id
        WHERE a.alert_id = :alert_id
    ), likest AS (
        SELECT a.alert_id, a.entity_id, e.name, a.detector, a.severity, a.status, a.first_bucket, a.last_bucket,
               a.observed, a.expected, a.entity_id = asked.entity_id AS same_company, shared.topics AS shared_topics,
               0.4 * (a.entity_id = asked.entity_id)::int + 0.2 * (a.detector = asked.detector)::int
               + 0.4 * cardinality(shared.topics) / greatest(
                   cardinality(a.topics) + cardinality(asked.topics) - cardinality(shared.topics), 1
               )::double precision AS likeness
        FROM alerts a
        CROSS JOIN asked
        LEFT JOIN entities e ON e.entity_id = a.entity_id
        CROSS JOIN LATERAL (
            SELECT ARRAY(SELECT unnest(a.topics) INTERSECT SELECT unnest(asked.topics) ORDER BY 1) AS topics
        ) shared
        WHERE a.first_bucket < asked.first_bucket AND a.alert_id <> asked.alert_id
          AND (a.entity_id = asked.entity_id OR (a.topics && asked.topics AND e.groups && asked.groups))
        ORDER BY likeness DESC, a.first_bucket DESC, a.alert_id LIMIT :most
    )
    SELECT likest.*, coalesce(judged.verdict, '') AS verdict, coalesce(judged.actor, '') AS verdict_by,
           coalesce(judged.why, '') AS verdict_why, ended.at AS ended_at, coalesce(ended.actor, '') AS ended_by,
           coalesce(ended.reason, '') AS ended_why
    FROM likest
    LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT f.verdict, f.actor, f.why FROM alert_feedback f
            WHERE f.alert_id = likest.alert_id ORDER BY f.feedback_id DESC LIMIT 1
        ) newest WHERE newest.verdict <> 'withdrawn'
    ) judged ON true
    LEFT JOIN LATERAL (
        SELECT h.at, h.actor, h.reason FROM alert_history h
        WHERE likest.status = 'resolved' AND h.alert_id = likest.alert_id AND h.to_status = 'resolved'
        ORDER BY h.entry_id DESC LIMIT 1
    ) ended ON true
    ORDER BY likest.likeness DESC, likest.first_bucket DESC, likest.alert_id
    """
)
