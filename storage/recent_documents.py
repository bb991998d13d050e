"""Reads back documents of a span of arrival, for whoever looks at what the model said of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from storage.records import Sentiment

__all__ = ["RecentDocument", "sample_arrived"]


@dataclass(frozen=True, slots=True)
class RecentDocument:
    """A stored document and what the model said of it. Probabilities sum to 1."""

    document_id: UUID
    published_at: datetime
    title: str
    body: str
    language: str
    story_id: UUID
    sentiment: Sentiment
    negative: float
    neutral: float
    positive: float
    topics: tuple[str, ...]
    model_version: str


# The order is that of a hash, so a sample is spread over the span, and the same span gives the same sample.
# Documents published long before they arrived are old crawls; leaving them out lets partitions be skipped. One without
# text was erased.
_SAMPLE = text(
    """
    SELECT document_id, published_at, title, body, language, story_id, sentiment, negative, neutral, positive, topics,
           model_version
    FROM documents
    WHERE arrived_at >= :since AND arrived_at < :until AND published_at >= :since - interval '7 days'
      AND novelty = 'new' AND (title <> '' OR body <> '')
    ORDER BY hashtextextended(document_id::text, :seed)
    LIMIT :most
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))


def sample_arrived(
    connection: Connection, since: datetime, until: datetime, *, most: int, seed: int = 0
) -> list[RecentDocument]:
    """At most `most` documents that arrived in [since, until), one a story, drawn by chance; all where there are fewer.

    Reprints are left out, and what had been published more than 7 days before `since`. The same seed draws the same.
    """
    rows = connection.execute(_SAMPLE, {"since": since, "until": until, "most": most, "seed": seed})
    return [RecentDocument(**dict(row._mapping) | {"topics": tuple(row.topics)}) for row in rows]
