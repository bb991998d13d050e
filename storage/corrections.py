"""What analysts put right: written once, never changed, and read back beside the text for the next training."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from storage.errors import CorrectionError
from storage.records import Sentiment

__all__ = ["CorrectedDocument", "correct", "corrected_documents"]


@dataclass(frozen=True, slots=True)
class CorrectedDocument:
    """A document with the newest sentiment that an analyst gave it."""

    document_id: UUID
    title: str
    body: str
    language: str
    sentiment: Sentiment
    model_sentiment: Sentiment
    model_version: str
    actor: str
    corrected_at: datetime


_CORRECT = text(
    """
    INSERT INTO label_corrections
        (document_id, published_at, sentiment, model_sentiment, model_version, actor, note, corrected_at)
    SELECT document_id, published_at, :sentiment, sentiment, model_version, :actor, :note, :now
    FROM documents WHERE document_id = :document_id
    RETURNING correction_id
    """
)

_CORRECTED = text(
    """
    SELECT DISTINCT ON (c.document_id) c.document_id, d.title, d.body, d.language, c.sentiment, c.model_sentiment,
           c.model_version, c.actor, c.corrected_at
    FROM label_corrections c JOIN documents d USING (document_id, published_at)
    WHERE (d.title <> '' OR d.body <> '')
      AND NOT EXISTS (
          SELECT FROM withdrawn_documents w
          WHERE w.document_id = c.document_id AND w.withdrawn_at > c.corrected_at
      )
    ORDER BY c.document_id, c.correction_id DESC
    """
)


def correct(
    connection: Connection, document_id: UUID, sentiment: Sentiment, *, actor: str, now: datetime, note: str = ""
) -> int:
    """Notes that a document's sentiment is this one, beside what the model had said; returns the correction's number.

    Agreement with the model is worth noting too. Trends keep what the model said.
    Raises CorrectionError where no such document is stored.
    """
    given = {"document_id": document_id, "sentiment": sentiment, "actor": actor, "note": note, "now": now}
    number: int | None = connection.execute(_CORRECT, given).scalar()
    if number is None:
        raise CorrectionError(f"there is no document {document_id}, or it was dropped: see `yuqing status`")
    return number


def corrected_documents(connection: Connection) -> list[CorrectedDocument]:
    """Every document that was corrected and is still stored as the analyst read it, each once, by id.

    A label of a text that its source has replaced since says nothing of the new one; an erased text teaches nothing.
    """
    return [CorrectedDocument(**row._mapping) for row in connection.execute(_CORRECTED)]
