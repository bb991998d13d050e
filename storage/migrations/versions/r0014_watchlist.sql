-- What people change on the watch list, above the installation's files. The newest change of an id is its entry, and the
-- number of the newest change of all is the list's version. Frozen: a change is a new revision.

CREATE TABLE watchlist_changes (
    version BIGINT NOT NULL PRIMARY KEY,
    entity_id TEXT NOT NULL,
    action TEXT NOT NULL CONSTRAINT watchlist_changes_action CHECK (action IN ('added', 'changed', 'withdrawn')),
    name TEXT NOT NULL,
    aliases TEXT[] NOT NULL,
    tickers TEXT[] NOT NULL,
    groups TEXT[] NOT NULL,
    ambiguous TEXT[] NOT NULL,
    remove BOOLEAN NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE UNIQUE INDEX watchlist_changes_entity ON watchlist_changes (entity_id, version);
COMMENT ON TABLE watchlist_changes IS
    'Append-only: what people changed on the watch list, who and when. The newest of an id counts, unless withdrawn.';
CREATE TRIGGER watchlist_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON watchlist_changes
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
GRANT SELECT ON watchlist_changes TO yuqing_reader;
