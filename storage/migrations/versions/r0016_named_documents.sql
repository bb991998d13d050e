-- Names by all documents that have any: volume counts what is said, bad or not. The index over the bad news alone goes: what
-- asked it finds the same in this one. No list of pending entries: the engine asks about hundreds of names in a round, and each
-- would read that list. While it is made, writers wait. Frozen: a change is a new revision.

CREATE INDEX documents_named ON documents USING gin (names) WITH (fastupdate = off) WHERE names <> '{}';
DROP INDEX documents_badly_named;
