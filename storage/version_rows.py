"""The version of each id in force, as `document_keys` has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from storage.partitions import by_day
from storage.versions import FIRST, Known, Version

__all__ = ["Change", "lock", "update"]


class Change(NamedTuple):
    """What an id's row says from now on. `counts` tells whether a version of it is stored."""

    document_id: UUID
    version: Version
    published_at: datetime
    counts: bool


def lock(cursor: Cursor[Any], ids: Iterable[UUID]) -> dict[UUID, Known]:
    """What is known of these ids, all of them entered; their rows stay locked until the transaction ends.

    In ascending order, after `document_rows.claim` of the same batch: nobody who holds one of these rows can be waiting
    for an id that this transaction has entered.
    """
    cursor.execute(_LOCK, (sorted(ids),))
    known = {
        document_id: Known(
            version=FIRST
            if revised_at is None
            else Version(revised_at, withdrawn_at is not None, digest or FIRST.digest),
            published_at=published_at,
            counts=withdrawn_at is None,
            erased=erased_at is not None,
        )
        for document_id, published_at, revised_at, digest, withdrawn_at, erased_at in cursor
    }
    counting = {document_id: one.published_at for document_id, one in known.items() if one.counts}
    stored = set()
    for since, until, day_ids in by_day(counting):
        cursor.execute(_STORED, (since, until, day_ids))
        stored |= {document_id for (document_id,) in cursor}
    for document_id in counting.keys() - stored:
        known[document_id] = replace(known[document_id], dropped=True)
    return known


def update(cursor: Cursor[Any], changes: Sequence[Change], *, now: datetime) -> None:
    """Writes what has changed, of ids that this transaction has locked or entered."""
    cursor.executemany(
        _UPDATE,
        [
            (
                change.published_at,
                None if change.version is FIRST else change.version.revised_at,
                None if change.version.digest == FIRST.digest else change.version.digest,
                change.counts,
                now,
                change.document_id,
            )
            for change in changes
        ],
    )


_LOCK = """
SELECT document_id, published_at, revised_at, digest, withdrawn_at, erased_at
FROM document_keys
WHERE document_id = ANY(%s)
ORDER BY document_id
FOR UPDATE
"""

_STORED = "SELECT document_id FROM documents WHERE published_at >= %s AND published_at < %s AND document_id = ANY(%s)"

_UPDATE = """
UPDATE document_keys
SET published_at = %s, revised_at = %s, digest = %s,
    withdrawn_at = CASE WHEN %s THEN NULL ELSE coalesce(withdrawn_at, %s) END
WHERE document_id = %s
"""
