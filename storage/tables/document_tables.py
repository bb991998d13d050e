"""What came in: documents, their versions, whom they name, and what full-text search reads."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, PrimaryKeyConstraint, Table, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

from storage.tables.shared import AT, metadata

__all__ = ["document_keys", "document_terms", "documents", "mentions", "search_queue", "withdrawn_documents"]

document_keys = Table(
    "document_keys",
    metadata,
    Column("document_id", UUID(as_uuid=True), primary_key=True),
    Column("published_at", AT, nullable=False),
    Column(
        "revised_at",
        AT,
        comment="When the version in force was made at its source; null: the document as it first came.",
    ),
    Column("digest", UUID(as_uuid=True), comment="Of the content in force: decides between corrections of one time."),
    Column(
        "withdrawn_at",
        AT,
        comment="Since when no version counts: it was taken down, or that came before the document.",
    ),
    Column("erased_at", AT, comment="When its text was erased for good: no later version is stored."),
    comment="Which ids are known, and the version of each in force. Counted where withdrawn_at is null. "
    "Not partitioned: an id is unique whatever its date.",
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", AT, nullable=False),
    Column("arrived_at", AT, nullable=False),
    Column("ingested_at", AT, nullable=False, server_default=func.clock_timestamp()),
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
        "documents_named",
        "names",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("names <> '{}'"),
    ),
    postgresql_partition_by="RANGE (published_at)",
    comment="One row per distinct document; partitioned by UTC day of published_at.",
)

withdrawn_documents = Table(
    "withdrawn_documents",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", AT, nullable=False),
    Column("arrived_at", AT, nullable=False),
    Column("ingested_at", AT, nullable=False),
    Column("withdrawn_at", AT, nullable=False),
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
    Column("published_at", AT, nullable=False),
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

search_queue = Table(
    "search_queue",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", AT, nullable=False),
    comment="Documents that cannot be searched yet. Filled by ingest, emptied by the scheduler.",
)

document_terms = Table(
    "document_terms",
    metadata,
    Column("document_id", UUID(as_uuid=True), nullable=False),
    Column("published_at", AT, nullable=False),
    Column("terms", TSVECTOR, nullable=False),
    PrimaryKeyConstraint("document_id", "published_at"),
    Index("document_terms_terms", "terms", postgresql_using="gin"),
    postgresql_partition_by="RANGE (published_at)",
    comment="The full-text index: English stems and pairs of Chinese characters; partitioned like documents.",
)
