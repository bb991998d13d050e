"""The work of the engine: buckets whose sums moved. Claimed by deleting them in the transaction that judges them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import DateTime

from alerts.detection.series import minute_of, time_of
from storage.tables import changed_buckets

__all__ = ["Claim", "Job", "claim", "close_together", "put_back", "wait"]

Job = tuple[int, str]
"""A bucket (minutes since 1970) and the entity whose sums moved in it."""

_CLAIM = text(
    """
    with due as materialized (
        select entity_id, bucket from changed_buckets
        where (bucket <= :waited or touched > 0 and bucket <= :ready) and (bucket, entity_id) > (:bucket, :entity_id)
        order by bucket, entity_id limit :most
        for update skip locked
    )
    delete from changed_buckets using due
    where changed_buckets.entity_id = due.entity_id and changed_buckets.bucket = due.bucket
    returning changed_buckets.entity_id, changed_buckets.bucket
    """
).bindparams(*(bindparam(name, type_=DateTime(timezone=True)) for name in ("ready", "waited", "bucket")))


@dataclass(frozen=True)
class Claim:
    """Jobs in the order of their buckets. `more` tells whether others may be waiting behind `last`."""

    jobs: tuple[Job, ...]
    more: bool

    @property
    def last(self) -> Job:
        return self.jobs[-1]


def claim(connection: Connection, *, ready: int, waited: int, after: Job, most: int) -> Claim:
    """Takes up to `most` jobs of buckets up to `ready`, oldest first, beyond the job `after`.

    Of those that wait, up to `waited` only.
    A row that ingest is touching at this moment is left for the next round: ingest will touch it again anyway, and
    what it adds is not yet to be seen. If the transaction is rolled back, the jobs are there again.
    """
    rows = connection.execute(
        _CLAIM,
        {
            "ready": time_of(ready),
            "waited": time_of(waited),
            "bucket": time_of(after[0]),
            "entity_id": after[1],
            "most": most,
        },
    ).all()
    return Claim(tuple(sorted((minute_of(bucket), entity_id) for entity_id, bucket in rows)), len(rows) == most)


def close_together(jobs: Sequence[Job], apart_min: int) -> Iterator[Sequence[Job]]:
    """Jobs in the order of their buckets, parted where more minutes lie between: what is late by a year stays apart.

    Whoever reads from the first of them to the last does not read that year.
    """
    first = 0
    for place in range(1, len(jobs) + 1):
        if place == len(jobs) or jobs[place][0] - jobs[place - 1][0] > apart_min:
            yield jobs[first:place]
            first = place


def put_back(connection: Connection, jobs: Iterable[Job]) -> None:
    """Leaves jobs for the next round."""
    _leave(connection, jobs, touched=1)


def wait(connection: Connection, jobs: Iterable[Job]) -> None:
    """Leaves jobs until their buckets are complete; ingest, when it touches one, makes it due at once."""
    _leave(connection, jobs, touched=0)


def _leave(connection: Connection, jobs: Iterable[Job], *, touched: int) -> None:
    rows = [
        {"entity_id": entity_id, "bucket": time_of(bucket), "touched": touched} for bucket, entity_id in sorted(jobs)
    ]
    if rows:
        connection.execute(insert(changed_buckets).on_conflict_do_nothing(), rows)
