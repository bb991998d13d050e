"""The text of the document that tells most of an alert, as it is stored now."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from alerts.detection.evidence import Document

__all__ = ["beginning_of"]

_CHARS: Final = 5_000
"""The model reads no further."""

_BODY = text(
    "SELECT left(body, :chars) FROM documents WHERE document_id = :document_id AND published_at = :published_at"
)


def beginning_of(connection: Connection, document: Document) -> str:
    """The beginning of its body; empty where it is not stored any more."""
    given = {"document_id": document.document_id, "published_at": document.published_at, "chars": _CHARS}
    return connection.execute(_BODY, given).scalar() or ""
