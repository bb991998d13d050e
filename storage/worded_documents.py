"""Stored documents with their text that hold one of several phrases: what is read anew by whoever tries a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from storage.search_terms import CONFIGURATION, MOST_INDEXED, queried

__all__ = ["MOST_COUNTED", "WordedDocument", "holding", "how_many_hold", "searchable"]

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class WordedDocument:
    """A stored document. Text is untrusted; the body is as long as what is indexed of it."""

    document_id: UUID
    published_at: datetime
    source: str
    url: str
    title: str
    body: str
    novelty: str
    sentiment: str


def searchable(connection: Connection, phrase: str) -> bool:
    """Whether the index can find a phrase: one of nothing but signs and words as frequent as "all" has no terms."""
    query, _ = queried(_quoted(phrase))
    found: bool = connection.execute(_NODES, {"phrase": query}).scalar_one()
    return found


def how_many_hold(connection: Connection, phrases: Sequence[str], since: datetime, until: datetime) -> int:
    """How many documents of [since, until) hold one of the phrases; counted up to `MOST_COUNTED`."""
    given = {"phrase": _any_of(phrases), "since": since, "until": until, "most": MOST_COUNTED}
    count: int = connection.execute(_COUNT, given).scalar_one()
    return count


def holding(
    connection: Connection, phrases: Sequence[str], since: datetime, until: datetime, *, most: int
) -> list[WordedDocument]:
    """The newest `most` of them, newest first."""
    given = {"phrase": _any_of(phrases), "since": since, "until": until, "most": most, "chars": MOST_INDEXED}
    return [WordedDocument(**row._mapping) for row in connection.execute(_TEXTS, given)]


def _any_of(phrases: Sequence[str]) -> str:
    query, _ = queried(" OR ".join(map(_quoted, phrases)))
    return query


def _quoted(phrase: str) -> str:
    return '"' + phrase.replace('"', " ") + '"'


_SPAN = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))

_NODES = text(f"SELECT numnode(websearch_to_tsquery('{CONFIGURATION}', :phrase)) > 0")

_HOLDING = f"""
    FROM document_terms t
    JOIN documents d ON d.document_id = t.document_id AND d.published_at = t.published_at
    WHERE t.terms @@ websearch_to_tsquery('{CONFIGURATION}', :phrase)
      AND t.published_at >= :since AND t.published_at < :until AND d.published_at >= :since AND d.published_at < :until
"""

_COUNT = text(f"SELECT count(*) FROM (SELECT 1 {_HOLDING} LIMIT :most) counted").bindparams(*_SPAN)  # noqa: S608

_TEXTS = text(
    f"""
    SELECT d.document_id, d.published_at, d.source, d.url, d.title, left(d.body, :chars) AS body, d.novelty, d.sentiment
    {_HOLDING}
    ORDER BY d.published_at DESC, d.document_id DESC LIMIT :most
    """
).bindparams(*_SPAN)
