"""An operator's takedown: one record on `documents.raw`, so that a database made anew from the log has it too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from stream.documents import RawDocument
from stream.publisher import Publisher, PublishError
from stream.topics import Topics

__all__ = ["take_down"]

_ANSWER_S = 30.0


def take_down(
    bootstrap: str, topics: Topics, document_id: UUID, *, source: str, revised_at: datetime, now: datetime
) -> None:
    """Publishes the takedown of a document and waits until the broker has it.

    It counts as made at `revised_at`: no earlier than the version that it takes down, or that one stays. A later one
    from its source counts again. Raises PublishError where the broker does not take it; asking again is safe.
    """
    failures: list[Exception] = []
    takedown = RawDocument(
        source=source, retracts=str(document_id), revised_at=revised_at.isoformat(), fetched_at=now, retracted=True
    )
    with Publisher(bootstrap, topics) as publisher:
        publisher.publish(takedown, on_ack=lambda error: failures.append(error) if error is not None else None)
        if publisher.flush(_ANSWER_S):
            raise PublishError(f"the broker did not answer within {_ANSWER_S:.0f} s: the takedown may not be there")
    if failures:
        raise PublishError(f"the takedown was not taken: {failures[0]}")
