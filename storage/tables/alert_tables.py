"""What was found, and what people made of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from storage.tables.shared import AT, metadata

__all__ = [
    "alert_feedback",
    "alert_history",
    "alerts",
    "changed_buckets",
    "label_corrections",
    "rule_buckets",
    "silences",
]

changed_buckets = Table(
    "changed_buckets",
    metadata,
    Column("entity_id", Text, nullable=False),
    Column("bucket", AT, nullable=False),
    Column("touched", Integer, nullable=False, server_default=text("1")),
    PrimaryKeyConstraint("entity_id", "bucket"),
    Index("changed_buckets_bucket", "bucket"),
    comment="Work for the alert engine: buckets whose sums moved. Written by ingest, deleted by the engine.",
)

rule_buckets = Table(
    "rule_buckets",
    metadata,
    Column("rule", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("bucket", AT, nullable=False),
    Column("due", AT, nullable=False),
    PrimaryKeyConstraint("rule", "entity_id", "bucket"),
    Index("rule_buckets_due", "rule", "due"),
    comment="Work for the alert engine: buckets that a rule judges once all is complete up to due.",
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", UUID(as_uuid=True), primary_key=True),
    Column("entity_id", Text, nullable=False),
    Column("detector", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("first_bucket", AT, nullable=False),
    Column("last_bucket", AT, nullable=False),
    Column("horizon_s", Integer, nullable=False),
    Column("observed", Integer, nullable=False),
    Column("expected", Double, nullable=False),
    Column("p_value", Double, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("opened_at", AT, nullable=False),
    Column("updated_at", AT, nullable=False),
    Column("resolved_at", AT),
    Column("episode", Text, nullable=False, server_default=text("'open'")),
    Column("topics", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("held_by", Text, nullable=False, server_default=text("''")),
    Column("told_at", AT),
    Column("told_severity", Text, nullable=False, server_default=text("''")),
    Column("acknowledged_by", Text, nullable=False, server_default=text("''")),
    Column("acknowledged_at", AT),
    Column("snoozed_until", AT),
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    Column("reminded_at", AT),
    CheckConstraint("episode in ('open', 'over')", name="alerts_episode"),
    CheckConstraint("(status = 'snoozed') = (snoozed_until is not null)", name="alerts_snoozed"),
    Index("alerts_one_active", "entity_id", "detector", unique=True, postgresql_where=text("episode = 'open'")),
    Index("alerts_first_bucket", "first_bucket"),
    Index("alerts_unresolved", "status", "alert_id", postgresql_where=text("status <> 'resolved'")),
    Index("alerts_active", "first_bucket", postgresql_where=text("status <> 'resolved'")),
    comment="One row per episode. episode: what detection knows; status: what people made of it.",
)

alert_history = Table(
    "alert_history",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    Column("alert_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("at", AT, nullable=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("action", Text, nullable=False, server_default=text("''")),
    Column("until", AT),
    comment="Append-only: every transition of every alert, who made it and why.",
)

alert_feedback = Table(
    "alert_feedback",
    metadata,
    Column("feedback_id", BigInteger, Identity(always=True), primary_key=True),
    Column("alert_id", UUID(as_uuid=True), nullable=False),
    Column("verdict", Text, nullable=False),
    Column("why", Text, nullable=False, server_default=text("''")),
    Column("actor", Text, nullable=False),
    Column("at", AT, nullable=False),
    CheckConstraint("verdict in ('true', 'false_alarm', 'withdrawn')", name="alert_feedback_verdict"),
    Index("alert_feedback_alert", "alert_id"),
    comment="Append-only: whether an alert was right, says an analyst; the newest of an alert counts.",
)

silences = Table(
    "silences",
    metadata,
    Column("silence_id", UUID(as_uuid=True), primary_key=True),
    Column("matchers", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", AT, nullable=False),
    Column("starts_at", AT, nullable=False),
    Column("ends_at", AT, nullable=False),
    Column("expired_by", Text, nullable=False, server_default=text("''")),
    Index("silences_ends_at", "ends_at"),
    comment="Whoever matches all matchers is not told of, from starts_at to ends_at. Never deleted.",
)

label_corrections = Table(
    "label_corrections",
    metadata,
    Column("correction_id", BigInteger, Identity(always=True), primary_key=True),
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", AT, nullable=False),
    Column("sentiment", Text, nullable=False),
    Column("model_sentiment", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("corrected_at", AT, nullable=False),
    CheckConstraint("sentiment in ('negative', 'neutral', 'positive')", name="label_corrections_sentiment"),
    Index("label_corrections_document", "document_id"),
    comment="Append-only: what analysts say a document's sentiment is; the newest of a document counts.",
)
