-- Trends by market session and by local calendar day. Frozen: a change is a new revision.

CREATE TABLE market_sessions (
    calendar TEXT NOT NULL,
    session DATE NOT NULL,
    counts_from TIMESTAMP WITH TIME ZONE NOT NULL,
    opens_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closes_at TIMESTAMP WITH TIME ZONE NOT NULL,
    shortened BOOLEAN NOT NULL,
    PRIMARY KEY (calendar, session),
    CONSTRAINT market_sessions_order CHECK (counts_from <= opens_at AND opens_at < closes_at)
);
CREATE UNIQUE INDEX market_sessions_closes ON market_sessions (calendar, closes_at);
COMMENT ON TABLE market_sessions IS 'When markets trade. News from counts_from, the close before, until closes_at belongs to the session.';

CREATE FUNCTION market_session(calendar text, at timestamptz) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT next.session
    FROM (
        SELECT m.session, m.counts_from
        FROM market_sessions m
        WHERE m.calendar = market_session.calendar AND m.closes_at > market_session.at
        ORDER BY m.closes_at
        LIMIT 1
    ) next
    WHERE next.counts_from <= market_session.at;
END;

COMMENT ON FUNCTION market_session IS
    'The session of a market calendar that news of this moment can move first: the one that closes next. A close belongs to the session after it. NULL where the calendar knows none.';

CREATE FUNCTION trends_by_session(calendar text, since date DEFAULT '-infinity', until date DEFAULT 'infinity')
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
        FROM trend_counts c
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

COMMENT ON FUNCTION trends_by_session IS
    'trends added up by the sessions of a market calendar, from since (inclusive) to until (exclusive): each minute counts in the session that closes next. session is NULL for minutes that the calendar does not reach; a calendar that market_sessions does not hold has no rows.';

CREATE FUNCTION trends_by_day(zone text, since date DEFAULT '-infinity', until date DEFAULT 'infinity')
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
        FROM trend_counts c
        -- The index finds the days and one more on either side: where clocks go back at midnight, a day begins twice.
        WHERE c.bucket >= trends_by_day.since::timestamp AT TIME ZONE trends_by_day.zone - interval '1 day'
          AND c.bucket < trends_by_day.until::timestamp AT TIME ZONE trends_by_day.zone + interval '1 day'
        GROUP BY c.entity_id, c.topic, (c.bucket AT TIME ZONE trends_by_day.zone)::date
    ) r
    CROSS JOIN finality f
    LEFT JOIN entities e ON e.entity_id = r.entity_id
    WHERE r.day >= trends_by_day.since AND r.day < trends_by_day.until;
END;

COMMENT ON FUNCTION trends_by_day IS
    'trends added up by the calendar days of a time zone, from since (inclusive) to until (exclusive). zone is an IANA name such as Asia/Shanghai; days have 23 or 25 hours where clocks change.';

GRANT SELECT ON market_sessions TO yuqing_reader;
GRANT EXECUTE ON FUNCTION market_session, trends_by_session, trends_by_day TO yuqing_reader;
