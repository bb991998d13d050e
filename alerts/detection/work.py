"""The work of the engine: buckets whose sums moved. Looked at without a lock, crossed off when they have been judged.

Ingest adds one to `touched` whenever it changes a bucket. A job is crossed off only if that number is still the one
that was looked at: what came while it was judged is judged again, and ingest waits for no engine that thinks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import DateTime, Integer, Text

from alerts.detection.series import minute_of, time_of
from storage.tables import changed_buckets

__all__ = ["Job", "Work", "close_together", "cross_off", "look_at"]

Job = tuple[int, str]
"""A bucket (minutes since 1970) and the entity whose sums moved in it."""

_LOOK = text(
    """
    select entity_id, bucket, touched from changed_buckets
    where (bucket <= :waited or touched > 0 and bucket <= :ready) and (bucket, entity_id) > (:bucket, :entity_id)
    order by bucket, entity_id limit :most
    """
).bindparams(*(bindparam(name, type_=DateTime(timezone=True)) for name in ("ready", "waited", "bucket")))

_UNTOUCHED = """
    with untouched as materialized (
        select entity_id, bucket from changed_buckets
        join unnest(:entities, :buckets, :touched) as seen (entity_id, bucket, touched) using (entity_id, bucket)
        where changed_buckets.touched = seen.touched
        for update of changed_buckets skip locked
    )
"""
_WHICH = "where changed_buckets.entity_id = untouched.entity_id and changed_buckets.bucket = untouched.bucket"


def _of_untouched(statement: str) -> TextClause:
    return text(f"{_UNTOUCHED} {statement} {_WHICH}").bindparams(
        bindparam("entities", type_=ARRAY(Text)),
        bindparam("buckets", type_=ARRAY(DateTime(timezone=True))),
        bindparam("touched", type_=ARRAY(Integer)),
    )


_CROSS_OFF = _of_untouched("delete from changed_buckets using untouched")
_LET_WAIT = _of_untouched("update changed_buckets set touched = 0 from untouched")


@dataclass(frozen=True)
class Work:
    """Jobs in the order of their buckets, each with how often it had been touched."""

    touched: Mapping[Job, int]

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(self.touched)

    @property
    def last(self) -> Job:
        return self.jobs[-1]


def look_at(connection: Connection, *, ready: int, waited: int, after: Job, most: int) -> Work:
    """Up to `most` jobs of buckets up to `ready`, oldest first, beyond the job `after`.

    Of those that wait, up to `waited` only. Counts that are read from now on hold at least what put these on the list.
    """
    given = {
        "ready": time_of(ready),
        "waited": time_of(waited),
        "bucket": time_of(after[0]),
        "entity_id": after[1],
        "most": most,
    }
    rows = connection.execute(_LOOK, given)
    return Work({(minute_of(bucket), entity_id): touched for entity_id, bucket, touched in rows})


def cross_off(connection: Connection, work: Work, *, later: Set[Job], waiting: Set[Job]) -> None:
    """Takes the work from the list, but for jobs that are to be judged again.

    `later` are due in the next round, jobs that were not on the list among them; `waiting` are left until their buckets
    are complete: ingest, when it touches one, makes it due at once. A job that ingest is touching at this moment stays,
    since it will have to be judged again anyway. Call this last in the transaction: ingest waits for what follows it.
    """
    new = sorted((entity_id, bucket) for bucket, entity_id in later - work.touched.keys())
    if new:  # in the order of ingest, and before anything is locked: nobody waits in a circle
        rows = [{"entity_id": entity_id, "bucket": time_of(bucket)} for entity_id, bucket in new]
        connection.execute(insert(changed_buckets).on_conflict_do_nothing(), rows)
    _on_untouched(connection, _LET_WAIT, work, sorted(waiting - later))
    _on_untouched(connection, _CROSS_OFF, work, sorted(work.touched.keys() - later - waiting))


def _on_untouched(connection: Connection, statement: TextClause, work: Work, jobs: Sequence[Job]) -> None:
    if jobs:
        given = {
            "entities": [entity_id for _, entity_id in jobs],
            "buckets": [time_of(bucket) for bucket, _ in jobs],
            "touched": [work.touched[job] for job in jobs],
        }
        connection.execute(statement, given)


def close_together(jobs: Sequence[Job], apart_min: int) -> Iterator[Sequence[Job]]:
    """Jobs in the order of their buckets, parted where more minutes lie between: what is late by a year stays apart.

    Whoever reads from the first of them to the last does not read that year.
    """
    first = 0
    for place in range(1, len(jobs) + 1):
        if place == len(jobs) or jobs[place][0] - jobs[place - 1][0] > apart_min:
            yield jobs[first:place]
            first = place
