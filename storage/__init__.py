"""The books: tables and migrations, the exactly-once ingest, trend reads, hot windows, retention, audit."""

from storage.connection import connect, wait_for_database
from storage.errors import AddressError, MigrationError, StorageError, UnstorableError
from storage.records import ANY_ENTITY, ANY_TOPIC, DeadLetter, Mention, Origin, ScoredDocument
from storage.schema import head, migrate, revision

__all__ = [
    "ANY_ENTITY",
    "ANY_TOPIC",
    "AddressError",
    "DeadLetter",
    "Mention",
    "MigrationError",
    "Origin",
    "ScoredDocument",
    "StorageError",
    "UnstorableError",
    "connect",
    "head",
    "migrate",
    "revision",
    "wait_for_database",
]
