-- The sums as they are shown, and the views and functions that read them. Frozen: a change is a new revision.

CREATE VIEW shown_counts AS
SELECT c.entity_id, c.topic, c.bucket, c.model_version,
       c.documents, c.stories, c.negative, c.neutral, c.positive, c.negative_stories, c.score_micro,
       c.revision, c.revised_at, c.revised_after_final
FROM trend_counts c
WHERE NOT EXISTS (
    SELECT FROM shown_versions v WHERE v.shown_until IS NULL AND c.bucket >= v.since AND c.bucket < v.until
)
UNION ALL
SELECT s.entity_id, s.topic, s.bucket, s.model_version,
       sum(s.documents)::int, sum(s.stories)::int, sum(s.negative)::int, sum(s.neutral)::int, sum(s.positive)::int,
       sum(s.negative_stories)::int, sum(s.score_micro)::bigint,
       sum(s.revision)::int, max(s.revised_at), bool_or(s.revised_after_final)
FROM (
    SELECT c.entity_id, c.topic, c.bucket, c.model_version,
           c.documents, c.stories, c.negative, c.neutral, c.positive, c.negative_stories, c.score_micro,
           c.revision, c.revised_at, c.revised_after_final
    FROM trend_counts c
    JOIN shown_versions v ON v.shown_until IS NULL AND c.bucket >= v.since AND c.bucket < v.until
    UNION ALL
    SELECT r.entity_id, r.topic, r.bucket, r.model_version,
           r.documents, r.stories, r.negative, r.neutral, r.positive, r.negative_stories, r.score_micro,
           r.revision, r.revised_at, false
    FROM rescored_counts r
    JOIN shown_versions v ON v.version = r.rescored_as AND v.shown_until IS NULL
                         AND r.bucket >= v.since AND r.bucket < v.until
) s
GROUP BY s.entity_id, s.topic, s.bucket, s.model_version
HAVING sum(s.documents) > 0;

COMMENT ON VIEW shown_counts IS
    'trend_counts as the views show them: where a version is shown, the documents that it has scored count under its name, others under the model that scored them when they came.';

CREATE OR REPLACE VIEW trends AS
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
FROM shown_counts c
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

CREATE OR REPLACE VIEW trends_5m AS
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
    FROM shown_counts
    GROUP BY 1, 2, 3
) r
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

CREATE OR REPLACE VIEW trends_1h AS
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
    FROM shown_counts
    GROUP BY 1, 2, 3
) r
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

CREATE OR REPLACE VIEW trends_1d AS
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
    FROM shown_counts
    GROUP BY 1, 2, 3
) r
CROSS JOIN finality f
LEFT JOIN entities e USING (entity_id);

CREATE OR REPLACE FUNCTION trends_by_session(calendar text, since date DEFAULT '-infinity', until date DEFAULT 'infinity')
RETURNS TABLE (
    entity_id text, name text, topic text, session date, opens_at timestamptz, closes_at timestamptz, shortened boolean,
    documents bigint, stories bigint, negative bigint, neutral bigint, positive bigint, negative_stories bigint,
    score_micro bigint, mean_score double precision, negative_share double precision,
    state text, revised_at timestamptz, revised_after_final boolean, model_versions text[]
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.entity_id, coalesce(e.name, r.entity_id), r.topic, r.session, r.opens_at, r.closes_at, r.shortened,
           r.documents, r.stories, r.negative, r.neutral, r.positive, r.negative_stories, r.score_micro,
           r.score_micro / (1e6::double precision * nullif(r.documents, 0)),
           r.negative::double precision / nullif(r.documents, 0),
           CASE WHEN r.closes_at <= f.final_until THEN 'final' ELSE 'provisional' END,
           r.revised_at, r.revised_after_final, r.model_versions
    FROM (
        SELECT c.entity_id, c.topic, s.session, s.opens_at, s.closes_at, s.shortened,
               sum(c.documents)::bigint AS documents, sum(c.stories)::bigint AS stories,
               sum(c.negative)::bigint AS negative, sum(c.neutral)::bigint AS neutral,
               sum(c.positive)::bigint AS positive, sum(c.negative_stories)::bigint AS negative_stories,
               sum(c.score_micro)::bigint AS score_micro,
               max(c.revised_at) AS revised_at, bool_or(c.revised_after_final) AS revised_after_final,
               array_agg(DISTINCT c.model_version) AS model_versions
        FROM shown_counts c
        LEFT JOIN LATERAL (
            SELECT m.session, m.counts_from, m.opens_at, m.closes_at, m.shortened
            FROM market_sessions m
            WHERE m.calendar = trends_by_session.calendar AND m.closes_at > c.bucket
            ORDER BY m.closes_at
            LIMIT 1
        ) s ON s.counts_from <= c.bucket
        WHERE EXISTS (SELECT FROM market_sessions m WHERE m.calendar = trends_by_session.calendar)
          AND (trends_by_session.since = '-infinity' OR c.bucket >= (
                  SELECT coalesce(min(m.counts_from), 'infinity') FROM market_sessions m
                  WHERE m.calendar = trends_by_session.calendar AND m.session >= trends_by_session.since))
          AND (trends_by_session.until = 'infinity' OR c.bucket < (
                  SELECT coalesce(max(m.closes_at), '-infinity') FROM market_sessions m
                  WHERE m.calendar = trends_by_session.calendar AND m.session < trends_by_session.until))
        GROUP BY c.entity_id, c.topic, s.session, s.opens_at, s.closes_at, s.shortened
    ) r
    CROSS JOIN finality f
    LEFT JOIN entities e ON e.entity_id = r.entity_id;
END;

CREATE OR REPLACE FUNCTION trends_by_day(zone text, since date DEFAULT '-infinity', until date DEFAULT 'infinity')
RETURNS TABLE (
    entity_id text, name text, topic text, day date,
    documents bigint, stories bigint, negative bigint, neutral bigint, positive bigint, negative_stories bigint,
    score_micro bigint, mean_score double precision, negative_share double precision,
    state text, revised_at timestamptz, revised_after_final boolean, model_versions text[]
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.entity_id, coalesce(e.name, r.entity_id), r.topic, r.day,
           r.documents, r.stories, r.negative, r.neutral, r.positive, r.negative_stories, r.score_micro,
           r.score_micro / (1e6::double precision * nullif(r.documents, 0)),
           r.negative::double precision / nullif(r.documents, 0),
           CASE WHEN (r.day + 1)::timestamp AT TIME ZONE trends_by_day.zone <= f.final_until
                THEN 'final' ELSE 'provisional' END,
           r.revised_at, r.revised_after_final, r.model_versions
    FROM (
        SELECT c.entity_id, c.topic, (c.bucket AT TIME ZONE trends_by_day.zone)::date AS day,
               sum(c.documents)::bigint AS documents, sum(c.stories)::bigint AS stories,
               sum(c.negative)::bigint AS negative, sum(c.neutral)::bigint AS neutral,
               sum(c.positive)::bigint AS positive, sum(c.negative_stories)::bigint AS negative_stories,
               sum(c.score_micro)::bigint AS score_micro,
               max(c.revised_at) AS revised_at, bool_or(c.revised_after_final) AS revised_after_final,
               array_agg(DISTINCT c.model_version) AS model_versions
        FROM shown_counts c
        -- The index finds the days and one more on either side: where clocks go back at midnight, a day begins twice.
        WHERE c.bucket >= trends_by_day.since::timestamp AT TIME ZONE trends_by_day.zone - interval '1 day'
          AND c.bucket < trends_by_day.until::timestamp AT TIME ZONE trends_by_day.zone + interval '1 day'
        GROUP BY c.entity_id, c.topic, (c.bucket AT TIME ZONE trends_by_day.zone)::date
    ) r
    CROSS JOIN finality f
    LEFT JOIN entities e ON e.entity_id = r.entity_id
    WHERE r.day >= trends_by_day.since AND r.day < trends_by_day.until;
END;

GRANT SELECT ON shown_counts TO yuqing_reader;
