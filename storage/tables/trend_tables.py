"""What is counted of it: sums by the minute, by model version, and what they are grouped by."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID, ExcludeConstraint

from storage.tables.shared import AT, metadata

__all__ = [
    "entities",
    "finality",
    "market_hours",
    "market_sessions",
    "rescored_counts",
    "rescored_documents",
    "shown_versions",
    "trend_counts",
]

trend_counts = Table(
    "trend_counts",
    metadata,
    Column("entity_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("bucket", AT, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("neutral", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative_stories", Integer, nullable=False),
    Column("score_micro", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("revised_at", AT, nullable=False),
    Column("revised_after_final", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("entity_id", "topic", "bucket", "model_version"),
    Index("trend_counts_bucket", "bucket"),
    comment="Exact one-minute sums per entity ('*': whole market) and topic ('*': any). Read the view trends.",
)

market_hours = Table(
    "market_hours",
    metadata,
    Column("topic", Text, nullable=False),
    Column("hour", AT, nullable=False),
    Column("documents", BigInteger, nullable=False),
    Column("negative_stories", BigInteger, nullable=False),
    PrimaryKeyConstraint("topic", "hour"),
    comment="Exact hourly sums of the whole market, per topic ('*': any). A trigger keeps them equal to those of "
    "trend_counts.",
)

rescored_documents = Table(
    "rescored_documents",
    metadata,
    Column("raw_topic", Text, nullable=False),
    Column("raw_partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", AT, nullable=False),
    Column("rescored_at", AT, nullable=False),
    Column("sentiment", Text, nullable=False),
    Column("score_micro", Integer, nullable=False),
    Column("topics", ARRAY(Text), nullable=False),
    Column("mentions", JSONB, nullable=False),
    PrimaryKeyConstraint("raw_topic", "raw_partition", "raw_offset", "version"),
    Index("rescored_documents_published_at", "published_at"),
    comment="What a later model says of a stored document; named by the raw record it was made from. Written once.",
)

rescored_counts = Table(
    "rescored_counts",
    metadata,
    Column("rescored_as", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("bucket", AT, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("neutral", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative_stories", Integer, nullable=False),
    Column("score_micro", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("revised_at", AT, nullable=False),
    PrimaryKeyConstraint("rescored_as", "entity_id", "topic", "bucket", "model_version"),
    Index("rescored_counts_bucket", "bucket"),
    comment="What showing the version rescored_as adds to trend_counts under its name, and takes out of them under "
    "others.",
)

shown_versions = Table(
    "shown_versions",
    metadata,
    Column("switch_id", BigInteger, Identity(always=True), primary_key=True),
    Column("version", Text, nullable=False),
    Column("since", AT, nullable=False),
    Column("until", AT, nullable=False),
    Column("shown_from", AT, nullable=False),
    Column("shown_until", AT),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ended_by", Text, nullable=False, server_default=text("''")),
    CheckConstraint("since < until and shown_from < shown_until", name="shown_versions_order"),
    CheckConstraint(
        "date_bin('1 minute', since, '2000-01-01 00:00Z') = since "
        "and date_bin('1 minute', until, '2000-01-01 00:00Z') = until",
        name="shown_versions_minutes",
    ),
    ExcludeConstraint(
        (func.tstzrange(text("since"), text("until")), "&&"),
        (func.tstzrange(text("shown_from"), text("shown_until")), "&&"),
        name="shown_versions_one",
    ),
    comment="From shown_from until shown_until (null: still) the views show this version of what was published in "
    "[since, until); elsewhere what was said when it came.",
)

finality = Table(
    "finality",
    metadata,
    Column("one_row", Boolean, primary_key=True, server_default=text("true")),
    Column("final_until", AT),
    Column("looked_at", AT),
    Column("silent_from", AT),
    CheckConstraint("one_row", name="finality_one_row"),
    comment="One row. Buckets that end by final_until were called final; it never moves back. "
    "Silence before silent_from is not counted: nobody was looking, or a clock was set.",
)

entities = Table(
    "entities",
    metadata,
    Column("entity_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("aliases", ARRAY(Text), nullable=False),
    Column("tickers", ARRAY(Text), nullable=False),
    Column("groups", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    comment="The watch list in force, for reading names in SQL.",
)

market_sessions = Table(
    "market_sessions",
    metadata,
    Column("calendar", Text, nullable=False),
    Column("session", Date, nullable=False),
    Column("counts_from", AT, nullable=False),
    Column("opens_at", AT, nullable=False),
    Column("closes_at", AT, nullable=False),
    Column("shortened", Boolean, nullable=False),
    PrimaryKeyConstraint("calendar", "session"),
    CheckConstraint("counts_from <= opens_at and opens_at < closes_at", name="market_sessions_order"),
    Index("market_sessions_closes", "calendar", "closes_at", unique=True),
    comment="When markets trade. News from counts_from, the close before, until closes_at belongs to the session.",
)
