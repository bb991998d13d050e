"""Everything that goes wrong in this room on purpose.

StorageError
├── AddressError        a database URL that cannot be used: the operator mends the setting
├── CalendarError       a market calendar that does not exist: the operator mends the setting
├── CorrectionError     a correction of a document that is not stored: the analyst names another
├── MigrationError      the schema cannot be brought up to date: the message says what to run
├── PositionError       the books are older than their reader thinks: it reads again from where they stand
├── UnstorableError     one record that PostgreSQL or the books refuse: it becomes a dead letter, others go on
└── WatchListRowsError  two entities with one id, or a reserved one

A database that is away is none of these: SQLAlchemy's OperationalError passes through, and callers wait for it
(`connection.wait_for_database`) and try again.
"""

from __future__ import annotations

__all__ = [
    "AddressError",
    "CalendarError",
    "CorrectionError",
    "MigrationError",
    "PositionError",
    "StorageError",
    "UnstorableError",
    "WatchListRowsError",
]


class StorageError(Exception):
    """The root: catch this to catch whatever this room raises on purpose."""


class AddressError(StorageError):
    """A database URL that cannot be used. The message shows it without its password, and a URL that would do."""


class CalendarError(StorageError):
    """A market calendar that nobody keeps. The message names it and one that is spelt like it."""


class CorrectionError(StorageError):
    """A correction of a document that is not stored, or no longer. The message names its id."""


class MigrationError(StorageError):
    """The schema cannot be brought up to date. The message says why, and what to run as which role."""


class PositionError(StorageError):
    """The books stand before what was read last: they were taken back. Read on from their positions."""


class UnstorableError(StorageError):
    """One record breaks a rule of the books. Trying again will not help; `detail` holds no text of the document."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class WatchListRowsError(StorageError):
    """A watch list that cannot become rows. The message names the id and how to mend it."""
