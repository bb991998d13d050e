"""One company beside its group: how much is written, how much of it is bad, and how bad, in the same steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from storage.records import ANY_TOPIC

__all__ = ["Comparison", "Measures", "SideBySide", "comparison", "groups_of"]

_STEP: Final = timedelta(hours=6)
_STEPS: Final = 28


@dataclass(frozen=True, slots=True)
class Measures:
    """`documents` for each company; `negative_share`, 0 to 1, and `mean_score`, -1 to 1, of all of them together.

    The latter two are None where nothing was written.
    """

    documents: float
    negative_share: float | None
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The step that begins at `at`."""

    at: datetime
    company: Measures
    others: Measures


@dataclass(frozen=True, slots=True)
class Comparison:
    """A company beside the `members` other companies of a group, over steps of `step_s` seconds up to `until`."""

    group: str
    members: int
    since: datetime
    until: datetime
    step_s: int
    points: tuple[SideBySide, ...]
    company: Measures
    others: Measures


def groups_of(connection: Connection, entity_id: str) -> list[tuple[str, int]]:
    """The groups of a company and how many others each has, the smallest first; those without others are left out."""
    rows = connection.execute(_GROUPS, {"entity_id": entity_id})
    return [(row.name, row.members) for row in rows]


def comparison(connection: Connection, entity_id: str, group: str, until: datetime) -> Comparison | None:
    """The seven days before `until`; None where the company is not in the group, or alone there."""
    members = dict(groups_of(connection, entity_id)).get(group)
    if members is None:
        return None
    since = until - _STEP * _STEPS
    given = {"entity_id": entity_id, "group": group, "topic": ANY_TOPIC, "step": _STEP, "since": since, "until": until}
    rows = {(row.at, row.own): row for row in connection.execute(_SUMS, given)}

    def sums(at: datetime, own: bool) -> tuple[int, int, int]:
        row = rows.get((at, own))
        return (row.documents, row.negative, row.score_micro) if row else (0, 0, 0)

    steps = [since + _STEP * number for number in range(_STEPS)]
    own, others = [sums(at, True) for at in steps], [sums(at, False) for at in steps]
    points = tuple(
        SideBySide(at, _measures(mine, 1), _measures(theirs, members))
        for at, mine, theirs in zip(steps, own, others, strict=True)
    )
    whole = [tuple(map(sum, zip(*each, strict=True))) for each in (own, others)]
    return Comparison(
        group=group,
        members=members,
        since=since,
        until=until,
        step_s=int(_STEP.total_seconds()),
        points=points,
        company=_measures(whole[0], 1),
        others=_measures(whole[1], members),
    )


def _measures(sums: tuple[int, ...], companies: int) -> Measures:
    documents, negative, score_micro = sums
    if not documents:
        return Measures(0.0, None, None)
    return Measures(documents / companies, negative / documents, score_micro / (1e6 * documents))


_GROUPS = text(
    """
    SELECT g.name, count(*) AS members
    FROM entities e CROSS JOIN unnest(e.groups) AS g (name)
    JOIN entities o ON o.groups @> ARRAY[g.name] AND o.entity_id <> e.entity_id
    WHERE e.entity_id = :entity_id
    GROUP BY g.name ORDER BY members, g.name
    """
)

_SUMS = text(
    """
    SELECT date_bin(:step, t.bucket, :since) AS at, t.entity_id = :entity_id AS own,
           sum(t.documents)::bigint AS documents, sum(t.negative)::bigint AS negative,
           sum(t.score_micro)::bigint AS score_micro
    FROM shown_counts t
    WHERE t.topic = :topic AND t.bucket >= :since AND t.bucket < :until
      AND t.entity_id IN (SELECT entity_id FROM entities WHERE groups @> ARRAY[cast(:group AS text)])
    GROUP BY 1, 2
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
