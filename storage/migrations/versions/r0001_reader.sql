-- The role that analysts read with: GRANT yuqing_reader TO somebody. It sees no dead letter's bytes and no deliveries.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yuqing_reader') THEN
        CREATE ROLE yuqing_reader NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database of it may have been migrated at this very moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO yuqing_reader;
GRANT SELECT ON
    trends, trends_5m, trends_1h, trends_1d, bad_news, coverage, alert_log, dead_letter_counts,
    documents, mentions, trend_counts, entities, alerts, alert_history, ledger, positions, finality, retention
TO yuqing_reader;
GRANT EXECUTE ON FUNCTION trends_as_of TO yuqing_reader;
