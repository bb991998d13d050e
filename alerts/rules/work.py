"""What each rule has yet to judge: buckets whose sums moved, until enough is complete, oldest first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from alerts.detection.series import minute_of, time_of
from alerts.detection.work import Job
from storage.tables import rule_buckets

__all__ = ["claim", "forget_others", "put"]

_PUT = text(
    """
    insert into rule_buckets (rule, entity_id, bucket, due)
    select :rule, entity_id, bucket, due from unnest(:entities, :buckets, :dues) as job (entity_id, bucket, due)
    on conflict (rule, entity_id, bucket) do update set due = excluded.due
    """
).bindparams(
    bindparam("entities", type_=ARRAY(Text)),
    bindparam("buckets", type_=ARRAY(DateTime(timezone=True))),
    bindparam("dues", type_=ARRAY(DateTime(timezone=True))),
)

_CLAIM = text(
    """
    with due as materialized (
        select entity_id, bucket from rule_buckets
        where rule = :rule and due <= :complete order by bucket, entity_id limit :most
    )
    delete from rule_buckets using due
    where rule_buckets.rule = :rule and rule_buckets.entity_id = due.entity_id and rule_buckets.bucket = due.bucket
    returning rule_buckets.entity_id, rule_buckets.bucket
    """
).bindparams(bindparam("complete", type_=DateTime(timezone=True)))

_WAITING_FOR = text(
    """
    with recursive waiting (rule) as (
        select min(rule) from rule_buckets
        union all
        select (select min(rule) from rule_buckets where rule_buckets.rule > waiting.rule) from waiting
        where waiting.rule is not null
    )
    select rule from waiting where rule is not null
    """
)
"""Each rule of which anything waits, from the index alone: all that waits may be much."""


def put(connection: Connection, rule: str, jobs: Sequence[Job], dues: Sequence[int]) -> None:
    """Leaves jobs, each once, with the minute up to which all must be complete; what is said last counts."""
    if jobs:
        given = {
            "rule": rule,
            "entities": [entity_id for _, entity_id in jobs],
            "buckets": [time_of(bucket) for bucket, _ in jobs],
            "dues": [time_of(due) for due in dues],
        }
        connection.execute(_PUT, given)


def claim(connection: Connection, rule: str, *, complete: int, most: int) -> tuple[Job, ...]:
    """Takes up to `most` that are due when all is complete up to a minute, oldest first; a rollback puts them back.

    Whoever has the engine's lock is alone here.
    """
    rows = connection.execute(_CLAIM, {"rule": rule, "complete": time_of(complete), "most": most})
    return tuple(sorted((minute_of(bucket), entity_id) for entity_id, bucket in rows))


def forget_others(connection: Connection, rules: Sequence[str]) -> None:
    """Drops what waits for rules that are in the settings no more."""
    others = sorted(set(connection.execute(_WAITING_FOR).scalars()) - set(rules))
    if others:
        connection.execute(delete(rule_buckets).where(rule_buckets.c.rule.in_(others)))
