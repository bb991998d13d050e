"""Reads the books back for tests: what the trends say, what they should say, and whether all of it adds up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from book_records import RAW, SteppingClock
from sqlalchemy import Engine, text

from storage.audit import audit
from storage.ingest import Ingest
from storage.records import Retraction, ScoredDocument
from storage.trend_rows import COLUMNS, TrendRow, from_columns
from storage.trend_sums import Key, Sums, add_up
from storage.versions import version_of

LATENESS = timedelta(minutes=5)


def an_ingest(engine: Engine) -> Ingest:
    return Ingest(engine, allowed_lateness=LATENESS, clock=SteppingClock())


def trend_rows(engine: Engine) -> list[TrendRow]:
    with engine.connect() as connection:
        query = f"SELECT {COLUMNS} FROM trend_counts ORDER BY entity_id, topic, bucket, model_version"
        return [from_columns(tuple(row)) for row in connection.execute(text(query))]


def sums(rows: Iterable[TrendRow]) -> dict[Key, Sums]:
    return {
        Key(row.entity_id, row.topic, row.bucket, row.model_version): Sums(*(getattr(row, f) for f in Sums._fields))
        for row in rows
    }


def in_force(records: Iterable[ScoredDocument | Retraction]) -> list[ScoredDocument]:
    """The documents that count when these were read: of each the latest version, unless it was taken down."""
    latest: dict[UUID, ScoredDocument | Retraction] = {}
    for record in records:
        held = latest.setdefault(record.document_id, record)
        if version_of(record) > version_of(held):
            latest[record.document_id] = record
    return [record for record in latest.values() if isinstance(record, ScoredDocument)]


def expected(records: Iterable[ScoredDocument | Retraction]) -> dict[Key, Sums]:
    """What the trends must say when these were read: each document once, however often and in what order it came."""
    return dict(add_up(in_force(records)))


def counted(rows: Iterable[TrendRow]) -> dict[Key, Sums]:
    """As `sums`, without the rows that say 0 because their documents were taken down."""
    return {key: amount for key, amount in sums(rows).items() if any(amount)}


def as_of(engine: Engine, moment: datetime) -> dict[Key, Sums]:
    """The sums as they were known at a moment."""
    query = f"SELECT entity_id, topic, bucket, model_version, {', '.join(Sums._fields)} FROM trends_as_of(:moment)"
    with engine.connect() as connection:
        return {Key(*row[:4]): Sums(*row[4:]) for row in connection.execute(text(query), {"moment": moment})}


def ledger(engine: Engine) -> dict[tuple[str, int], tuple[str, int, int, int]]:
    """(accounted, stored, repeated, dead) of each raw partition."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT topic, partition, accounted::text, stored, repeated, dead FROM ledger"))
        return {(topic, partition): (accounted, s, r, d) for topic, partition, accounted, s, r, d in rows}


def revisions(engine: Engine) -> tuple[int, int, int]:
    """(corrected, retracted, superseded) of all raw partitions together."""
    with engine.connect() as connection:
        row = connection.execute(text("SELECT sum(corrected), sum(retracted), sum(superseded) FROM ledger")).one()
        return int(row[0]), int(row[1]), int(row[2])


def scalar(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def differences(engine: Engine, ends: dict[int, int]) -> list[str]:
    """What the audit finds when the broker has records 0 to `end` in each partition."""
    return audit(engine, None, {(RAW, partition): (0, end) for partition, end in ends.items()}).differences


def wipe(engine: Engine) -> None:
    """Empties the books between the examples of a property."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE document_keys, documents, mentions, trend_counts, ledger, positions, dead_letters, "
                "changed_buckets, withdrawn_documents, rescored_documents, rescored_counts, shown_versions; "
                "UPDATE finality SET final_until = NULL; "
                "UPDATE retention SET kept_from = NULL, documents_dropped = 0, withdrawn_dropped = 0"
            )
        )
