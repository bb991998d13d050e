-- What was lost before it was booked, and since when silence is watched. Frozen: a change is a new revision.

CREATE TABLE lost_records (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    first_offset BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    noticed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    actor TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (topic, partition, first_offset),
    CONSTRAINT lost_records_range CHECK (first_offset < next_offset)
);
COMMENT ON TABLE lost_records IS 'Offsets that left the broker before their outcome was booked. They never overlap; a row counts until it is acknowledged or its outcome comes after all.';

ALTER TABLE finality ADD COLUMN looked_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE finality ADD COLUMN silent_from TIMESTAMP WITH TIME ZONE;
COMMENT ON TABLE finality IS 'One row. Buckets that end by final_until were called final; it never moves back. Silence before silent_from is not counted: nobody was looking, or a clock was set.';

CREATE INDEX documents_ingested ON documents USING brin (ingested_at);

GRANT SELECT ON lost_records TO yuqing_reader;
