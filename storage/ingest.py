"""Exactly once where it counts: what is read from Kafka enters the books in one transaction per batch.

    before  partitions for the days of the batch                      (own transaction; harmless when alone)
    1       lock the ledger rows; drop records that already have an outcome          -> redelivered
    2       claim document ids; lock those that are revised; settle what each record does (storage/versions.py)
    3       take out versions that count no longer; copy documents that count from now on, and their mentions
    4       add the difference to the trend rows, revision + 1, and get the absolute values
    5       put the changed buckets on the alert engine's list
    6       book the outcomes in the ledger, move the positions, advance what is called final
    7       notify listeners, commit
    after   the caller acknowledges to Kafka, then sets Redis from the returned values

What if we die here? Before the commit of 7: nothing of 1 to 6 exists, Kafka delivers the batch again, and it is
counted then. During the commit: the ledger knows which of the two it was. After it, but before the acknowledgement:
Kafka delivers again, step 1 ignores every record. After the acknowledgement, but before Redis: Redis lags until the
next change of these rows or a `HotWindows.rebuild`. A worker that lost its partition and does not know yet (a zombie)
meets its successor at the lock of step 1, and whoever comes second ignores what the first has booked.

Locks are taken in one order by everybody: ledger, document_keys, documents, mentions, document_terms, rescored_counts,
trend_counts, changed_buckets, positions, finality; within each table by key. So workers wait for each other, but never
in a circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine

from storage import (
    dead_letter_rows,
    document_rows,
    ledger,
    losses,
    metrics,
    partitions,
    positions,
    settlement,
    trend_sums,
    trend_upsert,
)
from storage.driver import transaction
from storage.losses import Loss
from storage.poison import buried, isolate
from storage.positions import ReadTo
from storage.records import DeadLetter, Retraction, ScoredDocument
from storage.rules import check
from storage.trend_rows import TrendRow
from storage.watermarks import advance

__all__ = ["Clock", "Ingest", "Ingested", "ReadTo"]

Clock = Callable[[], datetime]
"""Tells the time, aware UTC."""


R = TypeVar("R", ScoredDocument | Retraction, DeadLetter)


@dataclass(frozen=True)
class Ingested:
    """What became of a batch. The counts add up to its length; `trends` are absolute, to be put in Redis.

    `fresh` is what the ledger calls stored; `redelivered` had its outcome before.
    """

    fresh: int = 0
    repeated: int = 0
    redelivered: int = 0
    dead: int = 0
    corrected: int = 0
    retracted: int = 0
    superseded: int = 0
    trends: tuple[TrendRow, ...] = ()

    def __add__(self, other: Ingested) -> Ingested:
        return Ingested(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


class Ingest:
    """Books scored documents and dead letters. Safe to share between threads, and between any number of processes.

    `allowed_lateness` is how long after the newest event time a minute stays provisional, `idle_after` how long a
    silent partition may hold the others back. Database errors other than a refused record pass through (SQLAlchemy's
    OperationalError when it is away): nothing of the batch is booked then, and the same call may be made again. So does
    PositionError, when the books are older than what was read: read again from where their positions stand.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        allowed_lateness: timedelta,
        clock: Clock,
        idle_after: timedelta = timedelta(minutes=1),
    ) -> None:
        self._engine = engine
        self._allowed_lateness = allowed_lateness
        self._idle_after = idle_after
        self._clock = clock
        self._known_days: set[date] = set()

    def scored(self, batch: Sequence[ScoredDocument | Retraction], read: Sequence[ReadTo]) -> Ingested:
        """Books scored documents, takedowns, and how far documents.scored was read.

        The same document or record may be in it twice. A record that PostgreSQL or the books refuse is booked as a
        dead letter (reason unscorable); the batch then takes several transactions, and positions move with the last.
        """
        return _total(isolate(self._write_scored, self._bury, batch, read))

    def dead(self, batch: Sequence[DeadLetter], read: Sequence[ReadTo]) -> Ingested:
        """Books dead letters and how far documents.dead was read, in one transaction."""
        with metrics.TRANSACTION_SECONDS.time(), transaction(self._engine) as (_, driver):
            cursor = driver.cursor()
            letters, redelivered = _first_outcomes(cursor, batch)
            if letters:
                dead_letter_rows.insert(cursor, letters)
                ledger.account(cursor, [letter.origin for letter in letters], ["dead"] * len(letters))
            positions.move(cursor, read, {}, now=self._clock())
        return _counted(Ingested(redelivered=redelivered, dead=len(letters)))

    def expect(self, partitions: Sequence[ReadTo]) -> None:
        """Says which partitions of documents.scored are about to be read, so that the watermark waits for each."""
        with transaction(self._engine) as (_, driver):
            positions.expect(driver.cursor(), partitions, now=self._clock())

    def lose(self, topic: str, partition: int, first_offset: int, next_offset: int) -> None:
        """Passes over records that the broker no longer has, and notes them as lost, in one transaction.

        Of a partition of documents.scored or documents.dead, from where it stands. Raises PositionError as above.
        """
        now = self._clock()
        with transaction(self._engine) as (connection, driver):
            losses.record(connection, [Loss(topic, partition, first_offset, next_offset)], now=now)
            place = ReadTo(topic, partition, next_offset, first_offset)
            positions.move(driver.cursor(), [place], {}, now=now)

    def _write_scored(self, batch: Sequence[ScoredDocument | Retraction], read: Sequence[ReadTo]) -> Ingested:
        for record in batch:
            check(record)
        documents = [record for record in batch if isinstance(record, ScoredDocument)]
        try:
            self._ensure_days(documents)
            with metrics.TRANSACTION_SECONDS.time(), transaction(self._engine) as (connection, driver):
                ingested = self._transact(connection, driver, batch, read, positions.event_times(documents, read))
        except psycopg.Error:
            # Retention may have dropped a day since we made sure of it: look again on the next try.
            self._known_days.clear()
            raise
        return _counted(ingested)

    def _transact(
        self,
        connection: Connection,
        driver: psycopg.Connection[Any],
        batch: Sequence[ScoredDocument | Retraction],
        read: Sequence[ReadTo],
        times: Mapping[ReadTo, datetime],
    ) -> Ingested:
        cursor = driver.cursor()
        records, redelivered = _first_outcomes(cursor, batch)  # 1
        settled = settlement.settle(cursor, records)  # 2
        now = self._clock()
        taken_out = settlement.withdraw(cursor, settled, now=now)  # 3
        trends: list[TrendRow] = []
        if settled.added:
            document_rows.copy(cursor, settled.added, ingested_at=now)
        if settled.added or taken_out:
            amounts = trend_sums.balance(settled.added, taken_out) if taken_out else trend_sums.totals(settled.added)
            trends = trend_upsert.add(driver, amounts, now=now)  # 4
            if taken_out:  # 5
                reworded = trend_upsert.reworded(settled.added, amounts)
                trend_upsert.mark_changed(cursor, trend_upsert.grown(trends, amounts), reworded)
            else:
                trend_upsert.mark_changed(cursor, trends)
        if records:  # 6
            ledger.account(cursor, [record.origin for record in records], settled.outcomes)
        positions.move(cursor, read, times, now=now)
        advance(connection, now=now, idle_after=self._idle_after, allowed_lateness=self._allowed_lateness)
        if trends:  # 7
            cursor.execute("SELECT pg_notify('yuqing_trends', '')")
        return _told(settled.outcomes, redelivered, trends)

    def _bury(self, document: ScoredDocument | Retraction, detail: str, read: Sequence[ReadTo]) -> Ingested:
        return self.dead([buried(document, detail)], read)

    def _ensure_days(self, batch: Iterable[ScoredDocument]) -> None:
        days = {document.published_at.astimezone(UTC).date() for document in batch} - self._known_days
        if days:
            with self._engine.begin() as connection:
                partitions.ensure_days(connection, days)
            self._known_days |= days


def _first_outcomes(cursor: psycopg.Cursor[Any], batch: Sequence[R]) -> tuple[list[R], int]:
    """Locks the ledger; the records that have no outcome yet, each once, and how many others there were."""
    if not batch:
        return [], 0
    records = list({record.origin: record for record in reversed(batch)}.values())[::-1]
    origins = [record.origin for record in records]
    ledger.lock(cursor, origins)
    kept = [records[index] for index in ledger.unaccounted(cursor, origins)]
    return kept, len(batch) - len(kept)


def _total(parts: Iterable[Ingested]) -> Ingested:
    total = Ingested()
    for part in parts:
        total += part
    return total


def _told(outcomes: Iterable[str], redelivered: int, trends: Iterable[TrendRow]) -> Ingested:
    counts = Counter(outcomes)
    fresh = counts.pop("stored", 0)
    return Ingested(fresh=fresh, redelivered=redelivered, trends=tuple(trends), **counts)


def _counted(ingested: Ingested) -> Ingested:
    metrics.OUTCOMES.labels("redelivered").inc(ingested.redelivered)
    for outcome in ledger.OUTCOMES:
        metrics.OUTCOMES.labels(outcome).inc(ingested.fresh if outcome == "stored" else getattr(ingested, outcome))
    metrics.TREND_ROWS.inc(len(ingested.trends))
    return ingested
