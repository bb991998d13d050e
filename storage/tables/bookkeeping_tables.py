"""What holds the books together: which offsets have an outcome, how far readers are, and what is lost or unreadable."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB

from storage.tables.shared import AT, metadata

__all__ = ["dead_letters", "ledger", "lost_records", "positions", "retention"]

ledger = Table(
    "ledger",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("accounted", INT8MULTIRANGE, nullable=False),
    Column("stored", BigInteger, nullable=False, server_default=text("0")),
    Column("repeated", BigInteger, nullable=False, server_default=text("0")),
    Column("dead", BigInteger, nullable=False, server_default=text("0")),
    Column("corrected", BigInteger, nullable=False, server_default=text("0")),
    Column("retracted", BigInteger, nullable=False, server_default=text("0")),
    Column("superseded", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("topic", "partition"),
    comment="Which offsets of documents.raw have an outcome, and how many had which: their sizes agree.",
)

positions = Table(
    "positions",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("event_time", AT),
    Column("updated_at", AT, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
    comment="How far the windows stage has read each partition, and the newest event time seen there.",
)

lost_records = Table(
    "lost_records",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("noticed_at", AT, nullable=False),
    Column("acknowledged_at", AT),
    Column("actor", Text, nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("topic", "partition", "first_offset"),
    CheckConstraint("first_offset < next_offset", name="lost_records_range"),
    comment="Offsets that left the broker before their outcome was booked. They never overlap; a row counts until it "
    "is acknowledged or its outcome comes after all.",
)

retention = Table(
    "retention",
    metadata,
    Column("one_row", Boolean, primary_key=True, server_default=text("true")),
    Column("kept_from", AT),
    Column("documents_dropped", BigInteger, nullable=False, server_default=text("0")),
    Column("withdrawn_dropped", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("one_row", name="retention_one_row"),
    comment="One row. Documents published before kept_from were dropped, this many, and this many withdrawn versions; "
    "ids and sums stay.",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("arrived_at", AT, nullable=False),
    Column("recorded_at", AT, nullable=False, server_default=func.clock_timestamp()),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    PrimaryKeyConstraint("topic", "partition", "offset"),
    comment="Raw records that could not be read. state: open, replayed or dropped.",
)
