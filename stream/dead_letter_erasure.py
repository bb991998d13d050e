"""Erases the bytes of dead letters that hold one document."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import Connection, text

from storage.dead_letter_rows import find
from storage.records import DeadLetter, Origin
from stream.decoding import decode
from stream.documents import document_id as id_of
from stream.errors import Unreadable
from stream.limits import Limits

__all__ = ["erase"]

_AT_ONCE = 20
"""Letters in memory together: each holds up to 16 MiB."""


def erase(connection: Connection, document_id: UUID, url: str, *, limits: Limits) -> int:
    """Empties the letters whose key is this document's, that name its id or url, or that read as it; how many.

    They stay on the books, dropped, without a way back. The caller commits. A letter that is no JSON and names neither
    cannot be told to be this document's: `yuqing dead-letters list` shows what there is.
    """
    chosen = [
        letter.origin
        for letter in _candidates(connection, document_id, url)
        if _holds(letter, document_id, url, limits)
    ]
    for origin in chosen:
        connection.execute(_EMPTY, {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset})
    return len(chosen)


def _candidates(connection: Connection, document_id: UUID, url: str) -> Iterator[DeadLetter]:
    needles = [needle.decode() for needle in _needles(document_id, url)]
    rows = connection.execute(_LOOK, {"key": str(document_id), "needles": needles}).all()
    origins = [Origin(topic=topic, partition=partition, offset=offset) for topic, partition, offset in rows]
    for start in range(0, len(origins), _AT_ONCE):
        yield from (stored.letter for stored in find(connection, origins=origins[start : start + _AT_ONCE]))


def _holds(letter: DeadLetter, document_id: UUID, url: str, limits: Limits) -> bool:
    if letter.key == str(document_id).encode() or any(needle in letter.value for needle in _needles(document_id, url)):
        return True
    try:
        return id_of(decode(letter.value, letter.headers, limits=limits)[0]) == document_id
    except Unreadable:
        return False


def _needles(document_id: UUID, url: str) -> list[bytes]:
    """What only this document's letters hold, as it may stand in JSON."""
    return [word.encode() for word in (str(document_id), url, url.replace("/", "\\/")) if word]


# Of the letters that do not name it, only those that can be read again, or are packed, are worth a closer look.
_LOOK = text(
    """
    SELECT topic, partition, "offset" FROM dead_letters
    WHERE value <> ''
      AND (key = convert_to(:key, 'UTF8') OR reason IN ('unscorable', 'no_text') OR substr(value, 1, 2) = '\\x1f8b'
           OR EXISTS (SELECT FROM unnest(CAST(:needles AS text[])) AS needle
                      WHERE position(convert_to(needle, 'UTF8') IN value) > 0))
    ORDER BY topic, partition, "offset"
    """
)

_EMPTY = text(
    """
    UPDATE dead_letters
    SET value = '', headers = '[]', detail = 'erased', state = CASE WHEN state = 'open' THEN 'dropped' ELSE state END
    WHERE (topic, partition, "offset") = (:topic, :partition, :offset)
    """
)
