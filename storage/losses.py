"""Records that left the broker before their outcome was booked: which offsets, since when, and who knows of it.

A loss is written down once, in the transaction that passes over it, and counts until somebody acknowledges it with a
reason, or until its outcome comes after all (it was on its way when its raw record left). Of incoming topics more
can be told: whatever lies below the broker's first offset and has no outcome in the ledger is lost, noticed or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text, update

from storage import metrics
from storage.tables import lost_records

__all__ = ["Loss", "Noted", "acknowledge", "lost", "noted", "record"]

_LOCK = 0x7975_7169_6E69
"""Advisory lock: processes that notice the same loss write it down one after the other."""


@dataclass(frozen=True, order=True)
class Loss:
    """The offsets from `first_offset` up to, without, `next_offset` of one partition."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int

    @property
    def records(self) -> int:
        return self.next_offset - self.first_offset

    def __str__(self) -> str:
        last = self.next_offset - 1
        shown = f"{self.first_offset}" if last == self.first_offset else f"{self.first_offset}-{last}"
        return f"{self.topic}/{self.partition} offsets {shown}"


@dataclass(frozen=True, order=True)
class Noted:
    """A loss as it was written down. `acknowledged_at` is None while nobody has said that it is known."""

    loss: Loss
    noticed_at: datetime
    acknowledged_at: datetime | None
    actor: str
    reason: str


def lost(connection: Connection, raw: Mapping[tuple[str, int], tuple[int, int]]) -> list[Loss]:
    """What is lost and not acknowledged, sorted: what was noted, and of `raw` what the ledger lacks.

    `raw` has, for each (topic, partition) of the incoming topics, the broker's first offset and the next to come.
    """
    places = sorted(raw)
    parameters = {
        "topics": [topic for topic, _ in places],
        "partitions": [partition for _, partition in places],
        "firsts": [raw[place][0] for place in places],
    }
    return [Loss(*row) for row in connection.execute(_LOST, parameters)]


def record(connection: Connection, losses: Iterable[Loss], *, now: datetime) -> list[Loss]:
    """Writes losses down and returns what of them nobody had noted before. The caller commits."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    new: list[Loss] = []
    for one in sorted(losses):
        row = {"topic": one.topic, "partition": one.partition, "first": one.first_offset, "next": one.next_offset}
        new += [Loss(one.topic, one.partition, *span) for span in connection.execute(_RECORD, {**row, "now": now})]
    for one in new:
        metrics.LOST.labels(one.topic).inc(one.records)
    return new


def noted(connection: Connection, *, acknowledged: bool = False) -> list[Noted]:
    """The losses written down, sorted; those that are acknowledged only where asked for."""
    query = select(lost_records).order_by(lost_records.c.topic, lost_records.c.partition, lost_records.c.first_offset)
    if not acknowledged:
        query = query.where(lost_records.c.acknowledged_at.is_(None))
    return [Noted(Loss(*row[:4]), *row[4:]) for row in connection.execute(query)]


def acknowledge(connection: Connection, losses: Sequence[Loss], *, actor: str, reason: str, now: datetime) -> int:
    """Says of noted losses that they are known, by whom and why; returns how many records that are.

    Only losses not yet acknowledged change. The caller commits.
    """
    records = 0
    for one in losses:
        row = update(lost_records).where(
            lost_records.c.topic == one.topic,
            lost_records.c.partition == one.partition,
            lost_records.c.first_offset == one.first_offset,
            lost_records.c.acknowledged_at.is_(None),
        )
        done: Any = connection.execute(row.values(acknowledged_at=now, actor=actor, reason=reason))
        records += one.records if done.rowcount else 0
    return records


_LOST = text(
    """
    WITH broker AS (
        SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int4[]), CAST(:firsts AS int8[]))
                      AS o (topic, partition, first)
    ), noted AS (
        SELECT topic, partition, range_agg(int8range(first_offset, next_offset)) AS lost,
               range_agg(int8range(first_offset, next_offset)) FILTER (WHERE acknowledged_at IS NOT NULL) AS known
        FROM lost_records GROUP BY topic, partition
    )
    SELECT topic, partition, lower(r), upper(r)
    FROM broker
    FULL JOIN noted USING (topic, partition)
    LEFT JOIN ledger USING (topic, partition)
    CROSS JOIN unnest(
        int8multirange(int8range(0, coalesce(first, 0))) + coalesce(lost, '{}')
        - coalesce(known, '{}') - coalesce(accounted, '{}')
    ) r
    ORDER BY 1, 2, 3
    """
)

_RECORD = text(
    """
    INSERT INTO lost_records (topic, partition, first_offset, next_offset, noticed_at)
    SELECT CAST(:topic AS text), CAST(:partition AS int4), lower(r), upper(r), CAST(:now AS timestamptz)
    FROM unnest(
        int8multirange(int8range(CAST(:first AS int8), CAST(:next AS int8))) - coalesce(
            (SELECT range_agg(int8range(first_offset, next_offset)) FROM lost_records
             WHERE topic = CAST(:topic AS text) AND partition = CAST(:partition AS int4)), '{}')
    ) r
    RETURNING first_offset, next_offset
    """
)
