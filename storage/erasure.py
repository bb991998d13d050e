"""Finds one document by its id or its address, and erases its text from the books for good.

What it had added to the sums is numbers and stays; taking it out is a takedown, like any other. An erased id stays
known, so that no later version of the document brings a text back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from storage.records import Origin

__all__ = ["Erased", "Found", "erase", "find", "ids_at"]


@dataclass(frozen=True)
class Found:
    """What the books know of one id."""

    document_id: UUID
    published_at: datetime
    source: str
    """Empty where no version is on record: retention has dropped it, or its takedown came first."""
    url: str
    revised_at: datetime | None
    withdrawn_at: datetime | None
    """Since when no version counts; None while one does."""
    erased_at: datetime | None
    origins: tuple[Origin, ...]
    """The raw records of its versions on record: where the broker may still have the text."""


@dataclass(frozen=True)
class Erased:
    """How many rows lost their text."""

    documents: int
    mentions: int
    search_terms: int
    label_notes: int


def ids_at(connection: Connection, url: str) -> list[UUID]:
    """The documents in force that have this address, by id. Reads all of them through: there is no index on it."""
    return list(connection.execute(_IDS_AT, {"url": url}).scalars())


def find(connection: Connection, document_id: UUID) -> Found | None:
    """What is known of an id; None where it never came."""
    key = connection.execute(_KEY, {"id": document_id}).one_or_none()
    if key is None:
        return None
    versions = connection.execute(_VERSIONS, {"id": document_id, "at": key.published_at}).all()
    return Found(
        document_id=document_id,
        published_at=key.published_at,
        source=next((row.source for row in versions), ""),
        url=next((row.url for row in versions if row.url), ""),
        revised_at=key.revised_at,
        withdrawn_at=key.withdrawn_at,
        erased_at=key.erased_at,
        origins=tuple(
            Origin(topic=row.raw_topic, partition=row.raw_partition, offset=row.raw_offset) for row in versions
        ),
    )


def erase(connection: Connection, document_id: UUID, *, now: datetime) -> Erased:
    """Erases title, body, url, the names and words of companies, index and analysts' notes of a document.

    The caller commits. Locks the id first, as ingest does, and the document itself, as the full-text index does; so
    whatever is being written of it is written before, or finds nothing. A second call finds nothing to do.
    """
    at = connection.execute(_LOCK_KEY, {"id": document_id}).scalar_one()
    given = {"id": document_id, "at": at}
    connection.execute(_LOCK_DOCUMENT, given)
    erased = {name: connection.execute(statement, given).rowcount for name, statement in _ERASE.items()}
    connection.execute(_CLOSE, {"id": document_id, "now": now})
    return Erased(**erased)


_IDS_AT = text("SELECT document_id FROM documents WHERE url = :url ORDER BY document_id")

_KEY = text("SELECT published_at, revised_at, withdrawn_at, erased_at FROM document_keys WHERE document_id = :id")

_VERSIONS = text(
    """
    SELECT source, url, raw_topic, raw_partition, raw_offset
    FROM documents WHERE document_id = :id AND published_at = :at
    UNION ALL
    SELECT source, '', raw_topic, raw_partition, raw_offset FROM withdrawn_documents WHERE document_id = :id
    """
)

_LOCK_KEY = text("SELECT published_at FROM document_keys WHERE document_id = :id FOR UPDATE")

_LOCK_DOCUMENT = text("SELECT FROM documents WHERE document_id = :id AND published_at = :at FOR UPDATE")

_ERASE = {
    "documents": text(
        "UPDATE documents SET title = '', body = '', url = '', names = '{}' "
        "WHERE document_id = :id AND published_at = :at "
        "AND (title <> '' OR body <> '' OR url <> '' OR names <> '{}')"
    ),
    "mentions": text(
        "UPDATE mentions SET surface = '' WHERE document_id = :id AND published_at = :at AND surface <> ''"
    ),
    "search_terms": text("DELETE FROM document_terms WHERE document_id = :id AND published_at = :at"),
    "label_notes": text("UPDATE label_corrections SET note = '' WHERE document_id = :id AND note <> ''"),
}

_CLOSE = text("UPDATE document_keys SET erased_at = coalesce(erased_at, :now) WHERE document_id = :id")
