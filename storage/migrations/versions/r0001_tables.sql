-- The first tables. Frozen: a change is a new revision. storage/tables.py describes the same tables; a test compares.

CREATE TABLE document_keys (
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (document_id)
);
COMMENT ON TABLE document_keys IS 'Which documents are counted. Not partitioned: an id is unique whatever its date.';

CREATE TABLE documents (
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ingested_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    source TEXT NOT NULL,
    url TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    language TEXT NOT NULL,
    story_id UUID NOT NULL,
    novelty TEXT NOT NULL,
    sentiment TEXT NOT NULL,
    negative FLOAT NOT NULL,
    neutral FLOAT NOT NULL,
    positive FLOAT NOT NULL,
    score_micro INTEGER NOT NULL,
    topics TEXT[] NOT NULL,
    flags TEXT[] NOT NULL,
    model_version TEXT NOT NULL,
    raw_topic TEXT NOT NULL,
    raw_partition INTEGER NOT NULL,
    raw_offset BIGINT NOT NULL,
    PRIMARY KEY (document_id, published_at)
)
 PARTITION BY RANGE (published_at);
COMMENT ON TABLE documents IS 'One row per distinct document; partitioned by UTC day of published_at.';

CREATE TABLE mentions (
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entity_id TEXT NOT NULL,
    surface TEXT NOT NULL,
    sentiment TEXT NOT NULL,
    score_micro INTEGER NOT NULL,
    PRIMARY KEY (entity_id, document_id, published_at)
)
 PARTITION BY RANGE (published_at);
COMMENT ON TABLE mentions IS 'One row per company named in a document; partitioned like documents.';

CREATE TABLE trend_counts (
    entity_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    bucket TIMESTAMP WITH TIME ZONE NOT NULL,
    model_version TEXT NOT NULL,
    documents INTEGER NOT NULL,
    stories INTEGER NOT NULL,
    negative INTEGER NOT NULL,
    neutral INTEGER NOT NULL,
    positive INTEGER NOT NULL,
    negative_stories INTEGER NOT NULL,
    score_micro BIGINT NOT NULL,
    revision INTEGER NOT NULL,
    revised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revised_after_final BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (entity_id, topic, bucket, model_version)
);
CREATE INDEX trend_counts_bucket ON trend_counts (bucket);
COMMENT ON TABLE trend_counts IS 'Exact one-minute sums per entity (''*'': whole market) and topic (''*'': any). Read the view trends.';

CREATE TABLE ledger (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    accounted INT8MULTIRANGE NOT NULL,
    stored BIGINT DEFAULT 0 NOT NULL,
    repeated BIGINT DEFAULT 0 NOT NULL,
    dead BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE ledger IS 'Which offsets of documents.raw have an outcome, and how many had which: their sizes agree.';

CREATE TABLE positions (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    event_time TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE positions IS 'How far the windows stage has read each partition, and the newest event time seen there.';

CREATE TABLE finality (
    one_row BOOLEAN DEFAULT true NOT NULL,
    final_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (one_row),
    CONSTRAINT finality_one_row CHECK (one_row)
);
COMMENT ON TABLE finality IS 'One row. Buckets that end by final_until were called final; it never moves back.';

CREATE TABLE retention (
    one_row BOOLEAN DEFAULT true NOT NULL,
    kept_from TIMESTAMP WITH TIME ZONE,
    documents_dropped BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (one_row),
    CONSTRAINT retention_one_row CHECK (one_row)
);
COMMENT ON TABLE retention IS 'One row. Documents published before kept_from were dropped, this many; their ids and sums stay.';

CREATE TABLE dead_letters (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    key BYTEA,
    value BYTEA NOT NULL,
    headers JSONB NOT NULL,
    arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    state TEXT DEFAULT 'open' NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);
COMMENT ON TABLE dead_letters IS 'Raw records that could not be read. state: open, replayed or dropped.';

CREATE TABLE entities (
    entity_id TEXT NOT NULL,
    name TEXT NOT NULL,
    aliases TEXT[] NOT NULL,
    tickers TEXT[] NOT NULL,
    groups TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (entity_id)
);
COMMENT ON TABLE entities IS 'The watch list in force, for reading names in SQL.';

CREATE TABLE changed_buckets (
    entity_id TEXT NOT NULL,
    bucket TIMESTAMP WITH TIME ZONE NOT NULL,
    touched INTEGER DEFAULT 1 NOT NULL,
    PRIMARY KEY (entity_id, bucket)
);
CREATE INDEX changed_buckets_bucket ON changed_buckets (bucket);
COMMENT ON TABLE changed_buckets IS 'Work for the alert engine: buckets whose sums moved. Written by ingest, deleted by the engine.';

CREATE TABLE alerts (
    alert_id UUID NOT NULL,
    entity_id TEXT NOT NULL,
    detector TEXT NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    first_bucket TIMESTAMP WITH TIME ZONE NOT NULL,
    last_bucket TIMESTAMP WITH TIME ZONE NOT NULL,
    horizon_s INTEGER NOT NULL,
    observed INTEGER NOT NULL,
    expected DOUBLE PRECISION NOT NULL,
    p_value DOUBLE PRECISION NOT NULL,
    evidence JSONB NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (alert_id)
);
CREATE INDEX alerts_first_bucket ON alerts (first_bucket);
CREATE UNIQUE INDEX alerts_one_active ON alerts (entity_id, detector) WHERE status <> 'resolved';
COMMENT ON TABLE alerts IS 'One row per episode: it opens with the first firing bucket and is resolved after quiet.';

CREATE TABLE alert_history (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY,
    alert_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (entry_id)
);
CREATE INDEX ix_alert_history_alert_id ON alert_history (alert_id);
COMMENT ON TABLE alert_history IS 'Append-only: every transition of every alert, who made it and why.';

CREATE TABLE deliveries (
    webhook_id TEXT NOT NULL,
    alert_id UUID,
    endpoint TEXT NOT NULL,
    event_type TEXT NOT NULL,
    payload JSONB NOT NULL,
    state TEXT DEFAULT 'pending' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (webhook_id)
);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX ix_deliveries_alert_id ON deliveries (alert_id);
COMMENT ON TABLE deliveries IS 'The outbox: written in the alert''s own transaction. state: pending, delivered or dead.';


INSERT INTO finality DEFAULT VALUES;
INSERT INTO retention DEFAULT VALUES;

-- Rows that are rewritten many times keep room on their page, so that a new version needs no new index entry.
ALTER TABLE trend_counts SET (fillfactor = 80);
ALTER TABLE ledger SET (fillfactor = 20);
ALTER TABLE positions SET (fillfactor = 20);
ALTER TABLE finality SET (fillfactor = 20);

-- A queue: nearly every row dies soon, so it is swept long before a fifth of a big table is dead.
ALTER TABLE changed_buckets SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
