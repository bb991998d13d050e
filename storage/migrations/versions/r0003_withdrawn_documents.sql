-- Corrections and takedowns of documents. Frozen: a change is a new revision.
-- Tables are altered in the order in which ingest locks them, so that a running worker waits, and no more.

ALTER TABLE ledger
    ADD COLUMN corrected BIGINT DEFAULT 0 NOT NULL,
    ADD COLUMN retracted BIGINT DEFAULT 0 NOT NULL,
    ADD COLUMN superseded BIGINT DEFAULT 0 NOT NULL;

-- All null for a document that was never revised: its row is as large as before.
ALTER TABLE document_keys
    ADD COLUMN revised_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN digest UUID,
    ADD COLUMN withdrawn_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN erased_at TIMESTAMP WITH TIME ZONE;
COMMENT ON TABLE document_keys IS 'Which ids are known, and the version of each in force. Counted where withdrawn_at is null. Not partitioned: an id is unique whatever its date.';
COMMENT ON COLUMN document_keys.revised_at IS 'When the version in force was made at its source; null: the document as it first came.';
COMMENT ON COLUMN document_keys.digest IS 'Of the content in force: decides between corrections of one time.';
COMMENT ON COLUMN document_keys.withdrawn_at IS 'Since when no version counts: it was taken down, or that came before the document.';
COMMENT ON COLUMN document_keys.erased_at IS 'When its text was erased for good: no later version is stored.';

ALTER TABLE retention ADD COLUMN withdrawn_dropped BIGINT DEFAULT 0 NOT NULL;
COMMENT ON TABLE retention IS 'One row. Documents published before kept_from were dropped, this many, and this many withdrawn versions; ids and sums stay.';

CREATE TABLE withdrawn_documents (
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ingested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT NOT NULL,
    language TEXT NOT NULL,
    story_id UUID NOT NULL,
    novelty TEXT NOT NULL,
    sentiment TEXT NOT NULL,
    score_micro INTEGER NOT NULL,
    topics TEXT[] NOT NULL,
    mentions JSONB NOT NULL,
    model_version TEXT NOT NULL,
    raw_topic TEXT NOT NULL,
    raw_partition INTEGER NOT NULL,
    raw_offset BIGINT NOT NULL,
    PRIMARY KEY (raw_topic, raw_partition, raw_offset)
);
CREATE INDEX withdrawn_documents_published_at ON withdrawn_documents (published_at);
CREATE INDEX withdrawn_documents_document_id ON withdrawn_documents (document_id);
COMMENT ON TABLE withdrawn_documents IS 'Versions of documents that counted from ingested_at until withdrawn_at: corrected or taken down since. Numbers, no text.';

CREATE OR REPLACE FUNCTION trends_as_of(
    at timestamptz, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (
    entity_id text, topic text, bucket timestamptz, model_version text,
    documents bigint, stories bigint, negative bigint, neutral bigint, positive bigint, negative_stories bigint,
    score_micro bigint, mean_score double precision, negative_share double precision, known_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.entity_id, t.topic, s.bucket, s.model_version,
           count(*),
           count(*) FILTER (WHERE s.novelty = 'new'),
           count(*) FILTER (WHERE s.sentiment = 'negative'),
           count(*) FILTER (WHERE s.sentiment = 'neutral'),
           count(*) FILTER (WHERE s.sentiment = 'positive'),
           count(*) FILTER (WHERE s.sentiment = 'negative' AND s.novelty = 'new'),
           sum(s.score_micro)::bigint,
           sum(s.score_micro) / (1e6::double precision * count(*)),
           count(*) FILTER (WHERE s.sentiment = 'negative') / count(*)::double precision,
           max(s.ingested_at)
    FROM (
        SELECT '*'::text AS entity_id, date_bin('1 minute', d.published_at, '2000-01-01 00:00Z') AS bucket,
               d.model_version, d.novelty, d.sentiment, d.score_micro, d.topics, d.ingested_at
        FROM documents d
        WHERE d.published_at >= trends_as_of.since AND d.published_at < trends_as_of.until
          AND d.ingested_at <= trends_as_of.at
        UNION ALL
        SELECT m.entity_id, date_bin('1 minute', d.published_at, '2000-01-01 00:00Z'),
               d.model_version, d.novelty, m.sentiment, m.score_micro, d.topics, d.ingested_at
        FROM documents d
        JOIN mentions m USING (document_id, published_at)
        WHERE d.published_at >= trends_as_of.since AND d.published_at < trends_as_of.until
          AND m.published_at >= trends_as_of.since AND m.published_at < trends_as_of.until
          AND d.ingested_at <= trends_as_of.at
        UNION ALL
        SELECT m.entity_id, date_bin('1 minute', w.published_at, '2000-01-01 00:00Z'),
               w.model_version, w.novelty, m.sentiment, m.score_micro, w.topics, w.ingested_at
        FROM withdrawn_documents w
        CROSS JOIN LATERAL (
            SELECT '*', w.sentiment, w.score_micro
            UNION ALL
            SELECT * FROM jsonb_to_recordset(w.mentions) AS (entity_id text, sentiment text, score_micro int)
        ) AS m (entity_id, sentiment, score_micro)
        WHERE w.published_at >= trends_as_of.since AND w.published_at < trends_as_of.until
          AND w.ingested_at <= trends_as_of.at AND w.withdrawn_at > trends_as_of.at
    ) s
    CROSS JOIN LATERAL unnest(array_prepend('*'::text, s.topics)) AS t (topic)
    GROUP BY s.entity_id, t.topic, s.bucket, s.model_version;
END;

COMMENT ON FUNCTION trends_as_of IS
    'The one-minute sums as they were known at a moment, counted again from the versions of documents that counted then. since (inclusive) and until (exclusive) bound publication time and keep it quick; it reaches back as far as documents are kept.';

COMMENT ON VIEW trends IS
    'Exact one-minute sums. One row per entity (''*'': the whole market), topic (''*'': any) and model version; a minute without documents has no row, or one that says 0 where its documents were taken down.';
COMMENT ON COLUMN trends.revised_after_final IS 'A late document, a correction or a takedown changed the row after it had been final.';

CREATE VIEW alert_documents AS
SELECT a.alert_id, a.entity_id, e.document_id, e.published_at, e.source, e.title, e.url, e.score, e.novelty,
       k.revised_at, k.withdrawn_at, k.erased_at
FROM alerts a
CROSS JOIN LATERAL jsonb_to_recordset(a.evidence -> 'documents') AS e (
    document_id uuid, published_at timestamptz, source text, title text, url text, score double precision, novelty text
)
LEFT JOIN document_keys k USING (document_id);

COMMENT ON VIEW alert_documents IS
    'The documents that an alert shows, as they were when it was raised, and what has become of each since: corrected (revised_at), taken down (withdrawn_at), erased (erased_at).';

GRANT SELECT ON withdrawn_documents, alert_documents TO yuqing_reader;
