"""The books: tables and migrations, the exactly-once ingest, trend reads, hot windows, retention, audit."""

from storage.connection import connect, wait_for_database
from storage.errors import AddressError, MigrationError, StorageError, UnstorableError
from storage.ingest import Ingest, Ingested, ReadTo
from storage.records import ANY_ENTITY, ANY_TOPIC, DeadLetter, Mention, Origin, Retraction, ScoredDocument
from storage.schema import head, migrate, revision
from storage.trend_rows import TrendRow

__all__ = [
    "ANY_ENTITY",
    "ANY_TOPIC",
    "AddressError",
    "DeadLetter",
    "Ingest",
    "Ingested",
    "Mention",
    "MigrationError",
    "Origin",
    "ReadTo",
    "Retraction",
    "ScoredDocument",
    "StorageError",
    "TrendRow",
    "UnstorableError",
    "connect",
    "head",
    "migrate",
    "revision",
    "wait_for_database",
]
