"""Reads the books back for tests: what the trends say, what they should say, and whether all of it adds up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from book_records import RAW, SteppingClock
from sqlalchemy import Engine, text

from storage.audit import audit
from storage.ingest import Ingest
from storage.records import ScoredDocument
from storage.trend_rows import COLUMNS, TrendRow, from_columns
from storage.trend_sums import Key, Sums, add_up

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


def expected(documents: Iterable[ScoredDocument]) -> dict[Key, Sums]:
    """What the trends must say when these were read: each document once, however often it came."""
    return dict(add_up({document.document_id: document for document in documents}.values()))


def ledger(engine: Engine) -> dict[tuple[str, int], tuple[str, int, int, int]]:
    """(accounted, stored, repeated, dead) of each raw partition."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT topic, partition, accounted::text, stored, repeated, dead FROM ledger"))
        return {(topic, partition): (accounted, s, r, d) for topic, partition, accounted, s, r, d in rows}


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
                "changed_buckets; UPDATE finality SET final_until = NULL; "
                "UPDATE retention SET kept_from = NULL, documents_dropped = 0"
            )
        )
