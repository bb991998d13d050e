-- Re-scored documents, what they change in the sums, and which version is shown. Frozen: a change is a new revision.

CREATE TABLE rescored_documents (
    raw_topic TEXT NOT NULL,
    raw_partition INTEGER NOT NULL,
    raw_offset BIGINT NOT NULL,
    version TEXT NOT NULL,
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rescored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sentiment TEXT NOT NULL,
    score_micro INTEGER NOT NULL,
    topics TEXT[] NOT NULL,
    mentions JSONB NOT NULL,
    PRIMARY KEY (raw_topic, raw_partition, raw_offset, version)
);
CREATE INDEX rescored_documents_published_at ON rescored_documents (published_at);
COMMENT ON TABLE rescored_documents IS 'What a later model says of a stored document; named by the raw record it was made from. Written once.';

CREATE TABLE rescored_counts (
    rescored_as TEXT NOT NULL,
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
    PRIMARY KEY (rescored_as, entity_id, topic, bucket, model_version)
);
CREATE INDEX rescored_counts_bucket ON rescored_counts (bucket);
COMMENT ON TABLE rescored_counts IS 'What showing the version rescored_as adds to trend_counts under its name, and takes out of them under others.';

CREATE TABLE shown_versions (
    switch_id BIGINT GENERATED ALWAYS AS IDENTITY,
    version TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    shown_from TIMESTAMP WITH TIME ZONE NOT NULL,
    shown_until TIMESTAMP WITH TIME ZONE,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    ended_by TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (switch_id),
    CONSTRAINT shown_versions_order CHECK (since < until AND shown_from < shown_until),
    CONSTRAINT shown_versions_minutes CHECK (
        date_bin('1 minute', since, '2000-01-01 00:00Z') = since
        AND date_bin('1 minute', until, '2000-01-01 00:00Z') = until),
    CONSTRAINT shown_versions_one EXCLUDE USING gist (
        tstzrange(since, until) WITH &&, tstzrange(shown_from, shown_until) WITH &&)
);
COMMENT ON TABLE shown_versions IS 'From shown_from until shown_until (null: still) the views show this version of what was published in [since, until); elsewhere what was said when it came.';

GRANT SELECT ON rescored_documents, rescored_counts, shown_versions TO yuqing_reader;
