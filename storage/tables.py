"""The tables, as SQLAlchemy sees them. The migrations are what creates them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Time,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT8MULTIRANGE, JSONB, TSVECTOR, UUID, ExcludeConstraint

metadata = MetaData()
_at = DateTime(timezone=True)

document_keys = Table(
    "document_keys",
    metadata,
    Column("document_id", UUID(as_uuid=True), primary_key=True),
    Column("published_at", _at, nullable=False),
    Column(
        "revised_at",
        _at,
        comment="When the version in force was made at its source; null: the document as it first came.",
    ),
    Column("digest", UUID(as_uuid=True), comment="Of the content in force: decides between corrections of one time."),
    Column(
        "withdrawn_at",
        _at,
        comment="Since when no version counts: it was taken down, or that came before the document.",
    ),
    Column("erased_at", _at, comment="When its text was erased for good: no later version is stored."),
    comment="Which ids are known, and the version of each in force. Counted where withdrawn_at is null. "
    "Not partitioned: an id is unique whatever its date.",
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    Column("arrived_at", _at, nullable=False),
    Column("ingested_at", _at, nullable=False, server_default=func.clock_timestamp()),
    Column("source", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("story_id", UUID(as_uuid=True), nullable=False),
    Column("novelty", Text, nullable=False),
    Column("sentiment", Text, nullable=False),
    Column("negative", Float, nullable=False),
    Column("neutral", Float, nullable=False),
    Column("positive", Float, nullable=False),
    Column("score_micro", Integer, nullable=False),
    Column("topics", ARRAY(Text), nullable=False),
    Column("flags", ARRAY(Text), nullable=False),
    Column("model_version", Text, nullable=False),
    Column("raw_topic", Text, nullable=False),
    Column("raw_partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column(
        "names",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="Names in the text that the watch list did not have.",
    ),
    PrimaryKeyConstraint("document_id", "published_at"),
    Index("documents_ingested", "ingested_at", postgresql_using="brin"),
    Index(
        "documents_published",
        "published_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
    ),
    Index(
        "documents_bad_news_of_names",
        "published_at",
        postgresql_where=text("sentiment = 'negative' AND names <> '{}'"),
    ),
    Index(
        "documents_badly_named",
        "names",
        postgresql_using="gin",
        postgresql_where=text("sentiment = 'negative' AND names <> '{}'"),
    ),
    postgresql_partition_by="RANGE (published_at)",
    comment="One row per distinct document; partitioned by UTC day of published_at.",
)

withdrawn_documents = Table(
    "withdrawn_documents",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    Column("arrived_at", _at, nullable=False),
    Column("ingested_at", _at, nullable=False),
    Column("withdrawn_at", _at, nullable=False),
    Column("source", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("story_id", UUID(as_uuid=True), nullable=False),
    Column("novelty", Text, nullable=False),
    Column("sentiment", Text, nullable=False),
    Column("score_micro", Integer, nullable=False),
    Column("topics", ARRAY(Text), nullable=False),
    Column("mentions", JSONB, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("raw_topic", Text, nullable=False),
    Column("raw_partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("raw_topic", "raw_partition", "raw_offset"),
    Index("withdrawn_documents_published_at", "published_at"),
    Index("withdrawn_documents_document_id", "document_id"),
    comment="Versions of documents that counted from ingested_at until withdrawn_at: corrected or taken down since. "
    "Numbers, no text.",
)

mentions = Table(
    "mentions",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("sentiment", Text, nullable=False),
    Column("score_micro", Integer, nullable=False),
    PrimaryKeyConstraint("entity_id", "document_id", "published_at"),
    Index(
        "mentions_published",
        "published_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
    ),
    postgresql_partition_by="RANGE (published_at)",
    comment="One row per company named in a document; partitioned like documents.",
)

trend_counts = Table(
    "trend_counts",
    metadata,
    Column("entity_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("bucket", _at, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("neutral", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative_stories", Integer, nullable=False),
    Column("score_micro", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("revised_at", _at, nullable=False),
    Column("revised_after_final", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("entity_id", "topic", "bucket", "model_version"),
    Index("trend_counts_bucket", "bucket"),
    comment="Exact one-minute sums per entity ('*': whole market) and topic ('*': any). Read the view trends.",
)

rescored_documents = Table(
    "rescored_documents",
    metadata,
    Column("raw_topic", Text, nullable=False),
    Column("raw_partition", Integer, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    Column("rescored_at", _at, nullable=False),
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
    Column("bucket", _at, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("neutral", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative_stories", Integer, nullable=False),
    Column("score_micro", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("revised_at", _at, nullable=False),
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
    Column("since", _at, nullable=False),
    Column("until", _at, nullable=False),
    Column("shown_from", _at, nullable=False),
    Column("shown_until", _at),
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
    Column("event_time", _at),
    Column("updated_at", _at, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
    comment="How far the windows stage has read each partition, and the newest event time seen there.",
)

finality = Table(
    "finality",
    metadata,
    Column("one_row", Boolean, primary_key=True, server_default=text("true")),
    Column("final_until", _at),
    Column("looked_at", _at),
    Column("silent_from", _at),
    CheckConstraint("one_row", name="finality_one_row"),
    comment="One row. Buckets that end by final_until were called final; it never moves back. "
    "Silence before silent_from is not counted: nobody was looking, or a clock was set.",
)

lost_records = Table(
    "lost_records",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("noticed_at", _at, nullable=False),
    Column("acknowledged_at", _at),
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
    Column("kept_from", _at),
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
    Column("arrived_at", _at, nullable=False),
    Column("recorded_at", _at, nullable=False, server_default=func.clock_timestamp()),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    PrimaryKeyConstraint("topic", "partition", "offset"),
    comment="Raw records that could not be read. state: open, replayed or dropped.",
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
    Column("counts_from", _at, nullable=False),
    Column("opens_at", _at, nullable=False),
    Column("closes_at", _at, nullable=False),
    Column("shortened", Boolean, nullable=False),
    PrimaryKeyConstraint("calendar", "session"),
    CheckConstraint("counts_from <= opens_at and opens_at < closes_at", name="market_sessions_order"),
    Index("market_sessions_closes", "calendar", "closes_at", unique=True),
    comment="When markets trade. News from counts_from, the close before, until closes_at belongs to the session.",
)

changed_buckets = Table(
    "changed_buckets",
    metadata,
    Column("entity_id", Text, nullable=False),
    Column("bucket", _at, nullable=False),
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
    Column("bucket", _at, nullable=False),
    Column("due", _at, nullable=False),
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
    Column("first_bucket", _at, nullable=False),
    Column("last_bucket", _at, nullable=False),
    Column("horizon_s", Integer, nullable=False),
    Column("observed", Integer, nullable=False),
    Column("expected", Double, nullable=False),
    Column("p_value", Double, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("opened_at", _at, nullable=False),
    Column("updated_at", _at, nullable=False),
    Column("resolved_at", _at),
    Column("episode", Text, nullable=False, server_default=text("'open'")),
    Column("topics", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("held_by", Text, nullable=False, server_default=text("''")),
    Column("told_at", _at),
    Column("told_severity", Text, nullable=False, server_default=text("''")),
    Column("acknowledged_by", Text, nullable=False, server_default=text("''")),
    Column("acknowledged_at", _at),
    Column("snoozed_until", _at),
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    Column("reminded_at", _at),
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
    Column("at", _at, nullable=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("action", Text, nullable=False, server_default=text("''")),
    Column("until", _at),
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
    Column("at", _at, nullable=False),
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
    Column("created_at", _at, nullable=False),
    Column("starts_at", _at, nullable=False),
    Column("ends_at", _at, nullable=False),
    Column("expired_by", Text, nullable=False, server_default=text("''")),
    Index("silences_ends_at", "ends_at"),
    comment="Whoever matches all matchers is not told of, from starts_at to ends_at. Never deleted.",
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("alert_id", UUID(as_uuid=True), nullable=True, index=True),
    Column("endpoint", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", _at, nullable=False),
    Column("next_attempt_at", _at, nullable=False),
    Column("delivered_at", _at),
    Column("last_error", Text, nullable=False, server_default=text("''")),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("replayed_at", _at),
    Index("deliveries_due", "endpoint", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index("deliveries_order", "endpoint", "seq", postgresql_where=text("state = 'pending'")),
    comment="The outbox: written in the alert's own transaction. state: pending, delivered or dead; "
    "seq: the order of writing.",
)

delivery_alerts = Table(
    "delivery_alerts",
    metadata,
    Column("webhook_id", Text, nullable=False),
    Column("alert_id", UUID(as_uuid=True), nullable=False),
    PrimaryKeyConstraint("webhook_id", "alert_id"),
    Index("delivery_alerts_alert", "alert_id"),
    comment="Which alerts a delivery is about: several where they were told of together.",
)

endpoint_states = Table(
    "endpoint_states",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("resting_until", _at),
    Column("disabled_at", _at),
    Column("why", Text, nullable=False, server_default=text("''")),
    Column("enabled_by", Text, nullable=False, server_default=text("''")),
    Column("updated_at", _at, nullable=False),
    comment="Endpoints that failed in a row, and rest, or that said 410 and are disabled until somebody enables them.",
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("subscription_id", UUID(as_uuid=True), primary_key=True),
    Column("analyst", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("matchers", JSONB, nullable=False, server_default=text("'[]'")),
    Column("min_severity", Text, nullable=False, server_default=text("'watch'")),
    Column("tier", Integer, nullable=False, server_default=text("0")),
    Column("quiet_from", Time),
    Column("quiet_until", Time),
    Column("zone", Text, nullable=False, server_default=text("'UTC'")),
    Column("calendar", Text, nullable=False, server_default=text("''")),
    Column("breakthrough", Text, nullable=False, server_default=text("'critical'")),
    Column("created_at", _at, nullable=False),
    Column("created_by", Text, nullable=False),
    CheckConstraint("min_severity in ('watch', 'warning', 'critical')", name="subscriptions_min_severity"),
    CheckConstraint("breakthrough in ('', 'watch', 'warning', 'critical')", name="subscriptions_breakthrough"),
    CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="subscriptions_quiet"),
    CheckConstraint("tier >= 0", name="subscriptions_tier"),
    Index("subscriptions_endpoint", "endpoint"),
    comment="Which analyst hears of which alerts where, and when not. An endpoint without any hears of everything.",
)

label_corrections = Table(
    "label_corrections",
    metadata,
    Column("correction_id", BigInteger, Identity(always=True), primary_key=True),
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    Column("sentiment", Text, nullable=False),
    Column("model_sentiment", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("corrected_at", _at, nullable=False),
    CheckConstraint("sentiment in ('negative', 'neutral', 'positive')", name="label_corrections_sentiment"),
    Index("label_corrections_document", "document_id"),
    comment="Append-only: what analysts say a document's sentiment is; the newest of a document counts.",
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", BigInteger, Identity(always=True), primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", _at, nullable=False),
    Column("expires_at", _at, nullable=False),
    Column("last_used_at", _at),
    Column("revoked_at", _at),
    CheckConstraint("role in ('viewer', 'analyst', 'operator')", name="api_tokens_role"),
    Index("api_tokens_prefix", "prefix", unique=True),
    comment="Who may use the API and the console. digest: SHA-256 of the token, which is kept nowhere.",
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("token_id", BigInteger, nullable=False),
    Column("created_at", _at, nullable=False),
    Column("expires_at", _at, nullable=False),
    comment="Who is logged in to the console. digest: SHA-256 of the cookie, which is kept nowhere.",
)

search_queue = Table(
    "search_queue",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    comment="Documents that cannot be searched yet. Filled by ingest, emptied by the scheduler.",
)

document_terms = Table(
    "document_terms",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", _at, nullable=False),
    Column("terms", TSVECTOR, nullable=False),
    PrimaryKeyConstraint("document_id", "published_at"),
    Index("document_terms_terms", "terms", postgresql_using="gin"),
    postgresql_partition_by="RANGE (published_at)",
    comment="The full-text index: English stems and pairs of Chinese characters; partitioned like documents.",
)
