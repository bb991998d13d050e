-- What analysts query. docs/sql.md describes the same views with examples.

CREATE VIEW trends AS
SELECT c.entity_id,
       coalesce(e.name, c.entity_id) AS name,
       c.topic,
       c.bucket,
       c.model_version,
       c.documents,
       c.stories,
       c.negative,
       c.neutral,
       c.positive,
       c.negative_stories,
       c.score_micro,
       c.score_micro / (1e6::double precision * nullif(c.documents, 0)) AS mean_score,
       c.negative::double precision / nullif(c.documents, 0) AS negative_share,
       CASE WHEN c.bucket + interval '1 minute' <= f.final_until THEN 'final' ELSE 'provisional' END AS state,
       c.revision,
       c.revised_at,
       c.revised_after_final
FROM trend_counts c
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

COMMENT ON VIEW trends IS
    'Exact one-minute sums. One row per entity (''*'': the whole market), topic (''*'': any) and model version; a minute without documents has no row.';
COMMENT ON COLUMN trends.bucket IS 'Start of the minute, UTC, by publication time.';
COMMENT ON COLUMN trends.stories IS 'Documents that began a new story: reprints are left out.';
COMMENT ON COLUMN trends.negative_stories IS 'Negative documents that began a new story.';
COMMENT ON COLUMN trends.score_micro IS 'Sum of P(positive) - P(negative) in millionths: exact, so it may be added up further.';
COMMENT ON COLUMN trends.mean_score IS 'Mean of P(positive) - P(negative), from -1 to 1.';
COMMENT ON COLUMN trends.negative_share IS 'Negative documents / documents, from 0 to 1.';
COMMENT ON COLUMN trends.state IS 'final once the low watermark has passed the minute; late documents may still revise it, and are marked.';
COMMENT ON COLUMN trends.revision IS 'How often the row was written: 1 when new.';
COMMENT ON COLUMN trends.revised_at IS 'When the row was last written.';
COMMENT ON COLUMN trends.revised_after_final IS 'A late document changed the row after it had been final.';

CREATE VIEW trends_5m AS
SELECT r.entity_id, coalesce(e.name, r.entity_id) AS name, r.topic, r.bucket,
       r.documents, r.stories, r.negative, r.neutral, r.positive, r.negative_stories, r.score_micro,
       r.score_micro / (1e6::double precision * nullif(r.documents, 0)) AS mean_score,
       r.negative::double precision / nullif(r.documents, 0) AS negative_share,
       CASE WHEN r.bucket + interval '5 minutes' <= f.final_until THEN 'final' ELSE 'provisional' END AS state,
       r.revised_at, r.revised_after_final, r.model_versions
FROM (
    SELECT entity_id, topic, date_bin('5 minutes', bucket, '2000-01-01 00:00Z') AS bucket,
           sum(documents)::bigint AS documents, sum(stories)::bigint AS stories, sum(negative)::bigint AS negative,
           sum(neutral)::bigint AS neutral, sum(positive)::bigint AS positive,
           sum(negative_stories)::bigint AS negative_stories, sum(score_micro)::bigint AS score_micro,
           max(revised_at) AS revised_at, bool_or(revised_after_final) AS revised_after_final,
           array_agg(DISTINCT model_version) AS model_versions
    FROM trend_counts
    GROUP BY 1, 2, 3
) r
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

CREATE VIEW trends_1h AS
SELECT r.entity_id, coalesce(e.name, r.entity_id) AS name, r.topic, r.bucket,
       r.documents, r.stories, r.negative, r.neutral, r.positive, r.negative_stories, r.score_micro,
       r.score_micro / (1e6::double precision * nullif(r.documents, 0)) AS mean_score,
       r.negative::double precision / nullif(r.documents, 0) AS negative_share,
       CASE WHEN r.bucket + interval '1 hour' <= f.final_until THEN 'final' ELSE 'provisional' END AS state,
       r.revised_at, r.revised_after_final, r.model_versions
FROM (
    SELECT entity_id, topic, date_bin('1 hour', bucket, '2000-01-01 00:00Z') AS bucket,
           sum(documents)::bigint AS documents, sum(stories)::bigint AS stories, sum(negative)::bigint AS negative,
           sum(neutral)::bigint AS neutral, sum(positive)::bigint AS positive,
           sum(negative_stories)::bigint AS negative_stories, sum(score_micro)::bigint AS score_micro,
           max(revised_at) AS revised_at, bool_or(revised_after_final) AS revised_after_final,
           array_agg(DISTINCT model_version) AS model_versions
    FROM trend_counts
    GROUP BY 1, 2, 3
) r
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

CREATE VIEW trends_1d AS
SELECT r.entity_id, coalesce(e.name, r.entity_id) AS name, r.topic, r.bucket,
       r.documents, r.stories, r.negative, r.neutral, r.positive, r.negative_stories, r.score_micro,
       r.score_micro / (1e6::double precision * nullif(r.documents, 0)) AS mean_score,
       r.negative::double precision / nullif(r.documents, 0) AS negative_share,
       CASE WHEN r.bucket + interval '1 day' <= f.final_until THEN 'final' ELSE 'provisional' END AS state,
       r.revised_at, r.revised_after_final, r.model_versions
FROM (
    SELECT entity_id, topic, date_bin('1 day', bucket, '2000-01-01 00:00Z') AS bucket,
           sum(documents)::bigint AS documents, sum(stories)::bigint AS stories, sum(negative)::bigint AS negative,
           sum(neutral)::bigint AS neutral, sum(positive)::bigint AS positive,
           sum(negative_stories)::bigint AS negative_stories, sum(score_micro)::bigint AS score_micro,
           max(revised_at) AS revised_at, bool_or(revised_after_final) AS revised_after_final,
           array_agg(DISTINCT model_version) AS model_versions
    FROM trend_counts
    GROUP BY 1, 2, 3
) r
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

COMMENT ON VIEW trends_5m IS 'trends added up over five minutes and over model versions (model_versions names them).';
COMMENT ON VIEW trends_1h IS 'trends added up over an hour (UTC) and over model versions.';
COMMENT ON VIEW trends_1d IS 'trends added up over a day (UTC) and over model versions.';

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
    ) s
    CROSS JOIN LATERAL unnest(array_prepend('*'::text, s.topics)) AS t (topic)
    GROUP BY s.entity_id, t.topic, s.bucket, s.model_version;
END;

COMMENT ON FUNCTION trends_as_of IS
    'The one-minute sums as they were known at a moment, counted again from the documents stored by then. since (inclusive) and until (exclusive) bound publication time and keep it quick; it reaches back as far as documents are kept.';

CREATE VIEW bad_news AS
SELECT m.entity_id, coalesce(e.name, m.entity_id) AS name, m.published_at, d.arrived_at,
       d.title, d.url, d.source, d.language, d.topics,
       m.score_micro / 1e6::double precision AS score, m.surface, d.novelty, d.story_id, d.document_id, d.model_version
FROM mentions m
JOIN documents d USING (document_id, published_at)
LEFT JOIN entities e USING (entity_id)
WHERE m.sentiment = 'negative';

COMMENT ON VIEW bad_news IS 'One row per negative document and company named in it. Text comes from the web: treat it as such.';
COMMENT ON COLUMN bad_news.score IS 'P(positive) - P(negative), from -1 to 1: lower is worse.';
COMMENT ON COLUMN bad_news.surface IS 'The words by which the document named the company.';

CREATE VIEW coverage AS
SELECT d.source, date_bin('1 day', d.published_at, '2000-01-01 00:00Z') AS day,
       count(*) AS documents,
       count(*) FILTER (WHERE d.novelty = 'new') AS stories,
       count(m.document_id) AS naming_companies,
       count(*) FILTER (WHERE cardinality(d.flags) > 0) AS mended,
       min(d.published_at) AS first_published_at,
       max(d.published_at) AS last_published_at,
       max(d.arrived_at) AS last_arrived_at,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY d.arrived_at - d.published_at) AS median_delay
FROM documents d
LEFT JOIN (SELECT DISTINCT document_id, published_at FROM mentions) m USING (document_id, published_at)
GROUP BY 1, 2;

COMMENT ON VIEW coverage IS 'What each source gave on each UTC day: a feed that fell silent or lags behind shows here.';
COMMENT ON COLUMN coverage.mended IS 'Documents that intake had to mend (column flags of documents says how).';
COMMENT ON COLUMN coverage.median_delay IS 'Median of arrival minus publication.';

CREATE VIEW alert_log AS
SELECT a.alert_id, a.entity_id, coalesce(e.name, a.entity_id) AS name, a.detector, a.status, a.severity,
       a.first_bucket, a.last_bucket, a.horizon_s, a.observed, a.expected, a.p_value,
       a.opened_at, a.updated_at, a.resolved_at, h.actor AS last_actor, h.reason AS last_reason, a.evidence
FROM alerts a
LEFT JOIN entities e USING (entity_id)
LEFT JOIN LATERAL (
    SELECT actor, reason FROM alert_history WHERE alert_id = a.alert_id ORDER BY entry_id DESC LIMIT 1
) h ON true;

COMMENT ON VIEW alert_log IS 'Every alert with what it saw (observed, expected), its evidence, and who last touched it.';

CREATE VIEW dead_letter_counts AS
SELECT topic, reason, state, count(*) AS records, sum(octet_length(value))::bigint AS bytes,
       min(recorded_at) AS first_recorded_at, max(recorded_at) AS last_recorded_at
FROM dead_letters
GROUP BY topic, reason, state;

COMMENT ON VIEW dead_letter_counts IS 'Records that could not be read, by reason and state; their bytes are not for readers.';
