-- A row whose documents were all taken down says 0 of everything. The views leave it out, as they always left out minutes
-- without documents: a query that divides by documents goes on working. Frozen: a change is a new revision.

CREATE OR REPLACE VIEW shown_counts AS
SELECT c.entity_id, c.topic, c.bucket, c.model_version,
       c.documents, c.stories, c.negative, c.neutral, c.positive, c.negative_stories, c.score_micro,
       c.revision, c.revised_at, c.revised_after_final
FROM trend_counts c
WHERE c.documents > 0 AND NOT EXISTS (
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

COMMENT ON VIEW trends IS
    'Exact one-minute sums. One row per entity (''*'': the whole market), topic (''*'': any) and model version; a minute without documents has no row, nor has one whose documents were all taken down: the table trend_counts has its revisions.';
