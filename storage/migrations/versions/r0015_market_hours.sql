-- The whole market by the hour. Detectors ask for weeks of it in every round, and a busy month has 40,000 minutes.
-- A trigger keeps it, so that any program that writes trend_counts does. It fires row by row in the order in which the
-- rows were written, which is sorted for every writer: nobody waits in a circle. Frozen: a change is a new revision.

CREATE TABLE market_hours (
    topic TEXT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    documents BIGINT NOT NULL,
    negative_stories BIGINT NOT NULL,
    PRIMARY KEY (topic, hour)
);
ALTER TABLE market_hours SET (fillfactor = 80);
COMMENT ON TABLE market_hours IS
    'Exact hourly sums of the whole market, per topic (''*'': any). A trigger keeps them equal to those of trend_counts.';

CREATE FUNCTION add_to_market_hour() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more_documents BIGINT := 0;
    more_stories BIGINT := 0;
    moved trend_counts;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE market_hours;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        moved := NEW;
        more_documents := NEW.documents;
        more_stories := NEW.negative_stories;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        moved := OLD;
        more_documents := more_documents - OLD.documents;
        more_stories := more_stories - OLD.negative_stories;
    END IF;
    IF more_documents <> 0 OR more_stories <> 0 THEN
        INSERT INTO market_hours AS held (topic, hour, documents, negative_stories)
        VALUES (moved.topic, date_trunc('hour', moved.bucket, 'UTC'), more_documents, more_stories)
        ON CONFLICT (topic, hour) DO UPDATE SET
            documents = held.documents + excluded.documents,
            negative_stories = held.negative_stories + excluded.negative_stories;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION add_to_market_hour() IS 'Trigger: carries a change of a market row of trend_counts over to market_hours.';

-- From here until the commit writers wait, for about a second for each million rows of the market.
CREATE TRIGGER trend_counts_market_added AFTER INSERT ON trend_counts
    FOR EACH ROW WHEN (NEW.entity_id = '*') EXECUTE FUNCTION add_to_market_hour();
CREATE TRIGGER trend_counts_market_changed AFTER UPDATE ON trend_counts
    FOR EACH ROW WHEN (NEW.entity_id = '*') EXECUTE FUNCTION add_to_market_hour();
CREATE TRIGGER trend_counts_market_removed AFTER DELETE ON trend_counts
    FOR EACH ROW WHEN (OLD.entity_id = '*') EXECUTE FUNCTION add_to_market_hour();
CREATE TRIGGER trend_counts_market_emptied AFTER TRUNCATE ON trend_counts
    FOR EACH STATEMENT EXECUTE FUNCTION add_to_market_hour();

INSERT INTO market_hours (topic, hour, documents, negative_stories)
SELECT topic, date_trunc('hour', bucket, 'UTC'), sum(documents), sum(negative_stories)
FROM trend_counts WHERE entity_id = '*'
GROUP BY 1, 2;
