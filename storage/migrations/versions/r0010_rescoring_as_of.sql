-- What the views showed at a moment. Frozen: a change is a new revision.

-- What was said when documents came is still asked for: by the audit, of trend_counts.
ALTER FUNCTION trends_as_of RENAME TO scored_as_of;
COMMENT ON FUNCTION scored_as_of IS
    'The one-minute sums as they were known at a moment, of what each document was said to be when it came, whatever version was shown.';

CREATE FUNCTION rescored_as_of(at timestamptz) RETURNS SETOF rescored_documents
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.*
    FROM shown_versions v
    JOIN rescored_documents r ON r.version = v.version AND r.published_at >= v.since AND r.published_at < v.until
    WHERE v.shown_from <= rescored_as_of.at AND (v.shown_until IS NULL OR v.shown_until > rescored_as_of.at)
      AND r.rescored_at <= rescored_as_of.at;
END;
COMMENT ON FUNCTION rescored_as_of IS 'The re-scored documents whose new scores the views showed at a moment.';

CREATE FUNCTION trends_as_of(
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
           max(s.known_at)
    FROM (
        SELECT '*'::text AS entity_id, date_bin('1 minute', d.published_at, '2000-01-01 00:00Z') AS bucket,
               coalesce(r.version, d.model_version) AS model_version, d.novelty,
               coalesce(r.sentiment, d.sentiment) AS sentiment, coalesce(r.score_micro, d.score_micro) AS score_micro,
               coalesce(r.topics, d.topics) AS topics, coalesce(r.rescored_at, d.ingested_at) AS known_at
        FROM documents d
        LEFT JOIN rescored_as_of(trends_as_of.at) r USING (raw_topic, raw_partition, raw_offset)
        WHERE d.published_at >= trends_as_of.since AND d.published_at < trends_as_of.until
          AND d.ingested_at <= trends_as_of.at
        UNION ALL
        SELECT m.entity_id, date_bin('1 minute', d.published_at, '2000-01-01 00:00Z'),
               d.model_version, d.novelty, m.sentiment, m.score_micro, d.topics, d.ingested_at
        FROM documents d
        JOIN mentions m USING (document_id, published_at)
        LEFT JOIN rescored_as_of(trends_as_of.at) r USING (raw_topic, raw_partition, raw_offset)
        WHERE d.published_at >= trends_as_of.since AND d.published_at < trends_as_of.until
          AND m.published_at >= trends_as_of.since AND m.published_at < trends_as_of.until
          AND d.ingested_at <= trends_as_of.at AND r.version IS NULL
        UNION ALL
        SELECT m.entity_id, date_bin('1 minute', d.published_at, '2000-01-01 00:00Z'),
               r.version, d.novelty, m.sentiment, m.score_micro, r.topics, r.rescored_at
        FROM documents d
        JOIN rescored_as_of(trends_as_of.at) r USING (raw_topic, raw_partition, raw_offset)
        CROSS JOIN LATERAL jsonb_to_recordset(r.mentions) AS m (entity_id text, sentiment text, score_micro int)
        WHERE d.published_at >= trends_as_of.since AND d.published_at < trends_as_of.until
          AND d.ingested_at <= trends_as_of.at
        UNION ALL
        SELECT m.entity_id, date_bin('1 minute', w.published_at, '2000-01-01 00:00Z'),
               coalesce(r.version, w.model_version), w.novelty, m.sentiment, m.score_micro,
               coalesce(r.topics, w.topics), coalesce(r.rescored_at, w.ingested_at)
        FROM withdrawn_documents w
        LEFT JOIN rescored_as_of(trends_as_of.at) r USING (raw_topic, raw_partition, raw_offset)
        CROSS JOIN LATERAL (
            SELECT '*', coalesce(r.sentiment, w.sentiment), coalesce(r.score_micro, w.score_micro)
            UNION ALL
            SELECT * FROM jsonb_to_recordset(coalesce(r.mentions, w.mentions))
                     AS (entity_id text, sentiment text, score_micro int)
        ) AS m (entity_id, sentiment, score_micro)
        WHERE w.published_at >= trends_as_of.since AND w.published_at < trends_as_of.until
          AND w.ingested_at <= trends_as_of.at AND w.withdrawn_at > trends_as_of.at
    ) s
    CROSS JOIN LATERAL unnest(array_prepend('*'::text, s.topics)) AS t (topic)
    GROUP BY s.entity_id, t.topic, s.bucket, s.model_version;
END;

COMMENT ON FUNCTION trends_as_of IS
    'The one-minute sums as they were shown at a moment, counted again from the versions of documents that counted then, with the scores of the model version that was shown (model_version names it). since (inclusive) and until (exclusive) bound publication time and keep it quick; it reaches back as far as documents are kept.';

GRANT EXECUTE ON FUNCTION scored_as_of, rescored_as_of, trends_as_of TO yuqing_reader;
