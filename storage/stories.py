"""Reads back which stories the stored documents of the last days tell, for an index of stories that was lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine, bindparam, text
from sqlalchemy.types import DateTime

from storage.records import Origin

__all__ = ["StoredStory", "stored_since"]


class StoredStory(NamedTuple):
    """A document, its story, and when it was stored."""

    document_id: UUID
    story_id: UUID
    origin: Origin
    published_at: datetime
    ingested_at: datetime
    title: str
    body: str


def stored_since(engine: Engine, since: datetime) -> Iterator[StoredStory]:
    """The documents stored since then, the newest first, read as they are asked for."""
    with engine.connect().execution_options(stream_results=True, yield_per=1000) as connection:
        for row in connection.execute(_STORED, {"since": since}):
            document_id, story_id, topic, partition, offset, *rest = row
            yield StoredStory(document_id, story_id, Origin(topic=topic, partition=partition, offset=offset), *rest)


_STORED = text(
    """
    SELECT document_id, story_id, raw_topic, raw_partition, raw_offset, published_at, ingested_at, title, body
    FROM documents
    WHERE ingested_at >= :since
    ORDER BY ingested_at DESC, raw_offset DESC, raw_partition DESC
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)))
