"""Builds records for tests of the books: say what matters, the rest is filled in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from storage.records import DeadLetter, Mention, Origin, Retraction, ScoredDocument

RAW = "documents.raw"
SCORED = "documents.scored"
DEAD = "documents.dead"
NOON = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
_NAMES = UUID("6e3a2f5e-7f0c-4a53-9a0b-0d5c6f1f9a11")


def a_mention(entity_id: str, sentiment: str = "negative", score_micro: int = -700_000) -> Mention:
    return Mention(entity_id=entity_id, surface=entity_id.title(), sentiment=sentiment, score_micro=score_micro)


def a_document(name: str | int, offset: int, *, partition: int = 0, minute: float = 0, **fields: Any) -> ScoredDocument:
    """A negative document that names nobody, published `minute` minutes after NOON; the same name, the same id."""
    document_id = uuid5(_NAMES, str(name))
    values: dict[str, Any] = {
        "document_id": document_id,
        "origin": Origin(topic=RAW, partition=partition, offset=offset),
        "source": "wire",
        "url": f"https://news.example/{name}",
        "title": f"Item {name}",
        "body": "A bank had a bad day, and its shareholders a worse one.",
        "language": "en",
        "published_at": NOON + timedelta(minutes=minute),
        "arrived_at": NOON + timedelta(minutes=minute, seconds=2),
        "story_id": document_id,
        "novelty": "new",
        "sentiment": "negative",
        "negative": 0.8,
        "neutral": 0.15,
        "positive": 0.05,
        "score_micro": -750_000,
        "model_version": "m1",
    }
    return ScoredDocument(**(values | fields))


def a_retraction(name: str | int, offset: int, *, partition: int = 0, revised: float = 1, **fields: Any) -> Retraction:
    """A takedown of the document of that name, made by its source `revised` hours after NOON."""
    values: dict[str, Any] = {
        "document_id": uuid5(_NAMES, str(name)),
        "origin": Origin(topic=RAW, partition=partition, offset=offset),
        "published_at": NOON,
        "arrived_at": NOON + timedelta(hours=revised, seconds=2),
        "revised_at": NOON + timedelta(hours=revised),
    }
    return Retraction(**(values | fields))


def a_correction(name: str | int, offset: int, *, revised: float = 1, **fields: Any) -> ScoredDocument:
    """A later version of the document of that name, made by its source `revised` hours after NOON."""
    return a_document(name, offset, revised_at=NOON + timedelta(hours=revised), **fields)


def a_letter(offset: int, *, partition: int = 0, reason: str = "not_json", **fields: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "origin": Origin(topic=RAW, partition=partition, offset=offset),
        "reason": reason,
        "detail": "the bytes are no JSON value",
        "key": b"k",
        "value": b"{not json",
        "headers": (("yuqing-source", b"wire"),),
        "arrived_at": NOON,
    }
    return DeadLetter(**(values | fields))


class SteppingClock:
    """Tells NOON plus a second more at each look, so that no two transactions share an instant."""

    def __init__(self, start: datetime = NOON) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def in_batches(records: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [records[start : start + size] for start in range(0, len(records), size)]
