-- What the API and the console need: tokens, sessions, the full-text index, and a bell. Frozen: a change is a new revision.

CREATE TABLE api_tokens (
    token_id BIGINT GENERATED ALWAYS AS IDENTITY,
    prefix TEXT NOT NULL,
    digest BYTEA NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (token_id),
    CONSTRAINT api_tokens_role CHECK (role IN ('viewer', 'analyst', 'operator'))
);
CREATE UNIQUE INDEX api_tokens_prefix ON api_tokens (prefix);
COMMENT ON TABLE api_tokens IS 'Who may use the API and the console. digest: SHA-256 of the token, which is kept nowhere.';

CREATE TABLE console_sessions (
    digest BYTEA NOT NULL,
    token_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (digest)
);
COMMENT ON TABLE console_sessions IS 'Who is logged in to the console. digest: SHA-256 of the cookie, which is kept nowhere.';

CREATE TABLE search_queue (
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL
);
COMMENT ON TABLE search_queue IS 'Documents that cannot be searched yet. Filled by ingest, emptied by the scheduler.';
-- A queue: every row dies soon, so it is swept long before a fifth of a big table is dead.
ALTER TABLE search_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE document_terms (
    document_id UUID NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    terms TSVECTOR NOT NULL,
    PRIMARY KEY (document_id, published_at)
) PARTITION BY RANGE (published_at);
CREATE INDEX document_terms_terms ON document_terms USING gin (terms);
COMMENT ON TABLE document_terms IS 'The full-text index: English stems and pairs of Chinese characters; partitioned like documents.';

-- What is taken down leaves the index as well, whoever deletes it. The index itself locks the rows that it reads.
CREATE FUNCTION forget_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM document_terms WHERE document_id = OLD.document_id AND published_at = OLD.published_at;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION forget_terms IS 'Trigger: removes a deleted document from the full-text index.';
CREATE TRIGGER documents_forget_terms AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION forget_terms();

INSERT INTO search_queue SELECT document_id, published_at FROM documents;

CREATE INDEX alerts_active ON alerts (first_bucket) WHERE status <> 'resolved';

-- Whoever writes history rings, also programs that know nothing of the bell. Listeners read what is new by themselves.
CREATE FUNCTION ring_alerts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('yuqing_alerts', '');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ring_alerts IS 'Trigger: tells listeners on yuqing_alerts that alert_history has grown.';
CREATE TRIGGER alert_history_rings AFTER INSERT ON alert_history FOR EACH STATEMENT EXECUTE FUNCTION ring_alerts();
