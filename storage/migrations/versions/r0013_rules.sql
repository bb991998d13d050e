-- Work of operators' rules that waits until more is complete, and small indexes by time of publication: rules look at
-- the documents and mentions of the newest minutes. Frozen: a change is a new revision.

CREATE TABLE rule_buckets (
    rule TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    bucket TIMESTAMP WITH TIME ZONE NOT NULL,
    due TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (rule, entity_id, bucket)
);
CREATE INDEX rule_buckets_due ON rule_buckets (rule, due);
ALTER TABLE rule_buckets SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE rule_buckets IS 'Work for the alert engine: buckets that a rule judges once all is complete up to due.';

CREATE INDEX documents_published ON documents USING brin (published_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX mentions_published ON mentions USING brin (published_at) WITH (pages_per_range = 32, autosummarize = on);
