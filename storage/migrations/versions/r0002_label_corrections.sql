-- Labels that analysts put right. Frozen: a change is a new revision.

CREATE TABLE label_corrections (
    correction_id BIGINT GENERATED ALWAYS AS IDENTITY,
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sentiment TEXT NOT NULL,
    model_sentiment TEXT NOT NULL,
    model_version TEXT NOT NULL,
    actor TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    corrected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (correction_id),
    CONSTRAINT label_corrections_sentiment CHECK (sentiment IN ('negative', 'neutral', 'positive'))
);
CREATE INDEX label_corrections_document ON label_corrections (document_id);
COMMENT ON TABLE label_corrections IS 'Append-only: what analysts say a document''s sentiment is; the newest of a document counts.';

GRANT SELECT ON label_corrections TO yuqing_reader;
