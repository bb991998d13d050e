"""What the model is asked about a document, and what becomes of its answers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from model.classifier import Prediction
from storage.records import Mention, ScoredDocument
from stream.intake import Read
from stream.novelty import Place

__all__ = ["questions", "questions_again", "scored_again", "scored_document"]

_MOST_ASKED = 8
"""So many companies of one document are asked about; those that a long list names after them take its sentiment."""


def questions(read: Read) -> tuple[str, ...]:
    """The names that the model is asked about one by one: those of a document that speaks of several companies.

    Of a document about one company the sentiment is the company's too.
    """
    return _asked(read.mentions)


def questions_again(document: ScoredDocument) -> tuple[str, ...]:
    """The same of a stored document, whose mentions are in the order in which its text names them."""
    return _asked(document.mentions)


def scored_document(read: Read, place: Place, predictions: Sequence[Prediction], model_version: str) -> ScoredDocument:
    """Joins what intake, story index and model know about a document.

    Args:
        read: what intake found.
        place: its story.
        predictions: of the document, then of each of `questions(read)`. A mention that was not asked about takes the
            sentiment of its document.
        model_version: what the trend rows will say.

    Raises:
        ValueError: a probability is not a number.
    """
    prediction = predictions[0]
    score_micro, sentiment = _micro(prediction), prediction.label
    mentions = _toward(read.mentions, predictions)
    return ScoredDocument(
        document_id=read.document_id,
        origin=read.origin,
        source=read.source,
        url=read.url,
        title=read.title,
        body=read.body,
        language=read.language,
        published_at=read.published_at,
        arrived_at=read.arrived_at,
        story_id=place.story_id,
        novelty=place.novelty,
        sentiment=sentiment,
        negative=prediction.negative,
        neutral=prediction.neutral,
        positive=prediction.positive,
        score_micro=score_micro,
        topics=prediction.topics,
        mentions=mentions,
        flags=read.flags,
        model_version=model_version,
        revised_at=read.revised_at,
        names=read.names,
    )


def scored_again(document: ScoredDocument, predictions: Sequence[Prediction], model_version: str) -> ScoredDocument:
    """A stored document as another model sees it, from the answers to `questions_again`; its story and companies stay.

    Raises ValueError as `scored_document` does.
    """
    prediction = predictions[0]
    return replace(
        document,
        sentiment=prediction.label,
        negative=prediction.negative,
        neutral=prediction.neutral,
        positive=prediction.positive,
        score_micro=_micro(prediction),
        topics=prediction.topics,
        mentions=_toward(document.mentions, predictions),
        model_version=model_version,
    )


class _Named(Protocol):
    @property
    def entity_id(self) -> str: ...
    @property
    def surface(self) -> str: ...


def _asked(mentions: Sequence[_Named]) -> tuple[str, ...]:
    return tuple(found.surface for found in mentions[:_MOST_ASKED]) if len(mentions) > 1 else ()


def _toward(mentions: Sequence[_Named], predictions: Sequence[Prediction]) -> tuple[Mention, ...]:
    toward = itertools.chain(predictions[1:], itertools.repeat(predictions[0]))
    return tuple(
        Mention(entity_id=found.entity_id, surface=found.surface, sentiment=one.label, score_micro=_micro(one))
        for found, one in zip(mentions, toward, strict=False)
    )


def _micro(prediction: Prediction) -> int:
    return round(prediction.score * 1_000_000)
