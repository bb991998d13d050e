-- Names in a document that the watch list did not have, and two small indexes over the bad news that has any: by time,
-- to see which names are in it, and by name, to count one. Frozen: a change is a new revision.

ALTER TABLE documents ADD COLUMN names text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN documents.names IS 'Names in the text that the watch list did not have.';

CREATE INDEX documents_bad_news_of_names ON documents (published_at)
    WHERE sentiment = 'negative' AND names <> '{}';
CREATE INDEX documents_badly_named ON documents USING gin (names)
    WHERE sentiment = 'negative' AND names <> '{}';
