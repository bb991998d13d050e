"""Trends of one company, added up over steps; as they are known now, or as they were known at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from storage.records import ANY_TOPIC

__all__ = ["STEPS", "Step", "TrendPoint", "newest", "trend_points"]

Step = Literal["1m", "5m", "1h", "1d"]

STEPS: Final[dict[Step, timedelta]] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The sums of one step, all model versions together; a step without documents has no point.

    `score_micro` is the sum of P(positive) - P(negative) in millionths and may be added up further; `mean_score` and
    `negative_share` may not. `revision` counts how often the rows behind it were written, 0 where that is not known.
    """

    bucket: datetime
    documents: int
    stories: int
    negative: int
    neutral: int
    positive: int
    negative_stories: int
    score_micro: int
    mean_score: float
    negative_share: float
    final: bool
    revision: int


_SUMS = """
    date_bin(:step, t.bucket, '2000-01-01 00:00Z') AS bucket,
    sum(t.documents)::bigint AS documents, sum(t.stories)::bigint AS stories, sum(t.negative)::bigint AS negative,
    sum(t.neutral)::bigint AS neutral, sum(t.positive)::bigint AS positive,
    sum(t.negative_stories)::bigint AS negative_stories, sum(t.score_micro)::bigint AS score_micro,
    sum(t.score_micro) / (1e6::double precision * greatest(sum(t.documents), 1)) AS mean_score,
    sum(t.negative) / greatest(sum(t.documents), 1)::double precision AS negative_share,
    coalesce(date_bin(:step, t.bucket, '2000-01-01 00:00Z') + :step <= f.final_until, false) AS final
"""

_NOW = f"""
    SELECT {_SUMS}, sum(t.revision)::bigint AS revision
    FROM shown_counts t CROSS JOIN finality f
    WHERE t.entity_id = :entity_id AND t.topic = :topic AND t.bucket >= :since AND t.bucket < :until
    GROUP BY 1, f.final_until ORDER BY 1 LIMIT :most
"""  # noqa: S608 - text of our own

_THEN = f"""
    SELECT {_SUMS}, 0 AS revision
    FROM trends_as_of(:as_of, :since, :until) t CROSS JOIN finality f
    WHERE t.entity_id = :entity_id AND t.topic = :topic
    GROUP BY 1, f.final_until ORDER BY 1 LIMIT :most
"""  # noqa: S608 - text of our own


def trend_points(
    connection: Connection,
    entity_id: str,
    step: Step,
    since: datetime,
    until: datetime,
    *,
    most: int,
    topic: str = ANY_TOPIC,
    as_of: datetime | None = None,
) -> list[TrendPoint]:
    """At most `most` points of minutes within [since, until), oldest first; `storage.ANY_ENTITY` is the whole market.

    With `as_of` they are counted again from the documents that were stored by then; `final` is about today even so.
    """
    statement = text(_NOW if as_of is None else _THEN).bindparams(
        *(bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until"))
    )
    given = {"entity_id": entity_id, "topic": topic, "step": STEPS[step], "since": since, "until": until, "most": most}
    rows = connection.execute(statement, given if as_of is None else given | {"as_of": as_of})
    return [TrendPoint(**row._mapping) for row in rows]


def newest(connection: Connection) -> datetime | None:
    """The newest minute that holds anything: "now" in event time, also in a replay of the past. None for no data."""
    at: datetime | None = connection.exec_driver_sql("SELECT max(bucket) FROM trend_counts").scalar_one()
    return at
