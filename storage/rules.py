"""What a scored document or a takedown must fulfil so that the books can hold it, beyond what its types say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from storage.errors import UnstorableError
from storage.records import ANY_ENTITY, ANY_TOPIC, Novelty, Retraction, ScoredDocument, Sentiment

__all__ = ["bearable", "check"]

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_LARGEST_SCORE = 2**31
_SENTIMENTS = frozenset(get_args(Sentiment))
_MOST_NAMES = 20
_MOST_NAME_CHARS = 200
_NOVELTIES = frozenset(get_args(Novelty))


def check(document: ScoredDocument | Retraction) -> None:
    """Raises UnstorableError, saying which field is at fault, where counting this document would break a sum.

    Intake keeps all of this from happening; a record of another make on the topic does not.
    """
    _check_time("published_at", document.published_at)
    _check_time("arrived_at", document.arrived_at)
    if document.revised_at is not None:
        _check_time("revised_at", document.revised_at)
    if document.origin.offset < 0 or document.origin.partition < 0:
        raise UnstorableError("origin has a negative partition or offset")
    if isinstance(document, ScoredDocument):
        _check_content(document)


def bearable(at: datetime) -> datetime:
    """The nearest time that the books hold: a dead letter, too, has to be read back. Without a zone, UTC is meant."""
    return min(max(at if at.tzinfo else at.replace(tzinfo=UTC), _EARLIEST), _LATEST)


def _check_time(name: str, at: datetime) -> None:
    if at.tzinfo is None:
        raise UnstorableError(f"{name} has no zone; send aware UTC times")
    if not _EARLIEST <= at < _LATEST:
        raise UnstorableError(f"{name} lies outside the years 1900 to 2199")


def _check_content(document: ScoredDocument) -> None:
    if document.novelty not in _NOVELTIES:
        raise UnstorableError("novelty is none of " + ", ".join(sorted(_NOVELTIES)))
    if document.sentiment not in _SENTIMENTS:
        raise UnstorableError("sentiment is none of " + ", ".join(sorted(_SENTIMENTS)))
    if not -_LARGEST_SCORE <= document.score_micro < _LARGEST_SCORE:
        raise UnstorableError("score_micro does not fit 32 bits; it is in millionths")
    if not all(document.topics) or ANY_TOPIC in document.topics:
        raise UnstorableError(f"topics hold an empty name or {ANY_TOPIC!r}, which stands for any topic")
    if len(document.names) > _MOST_NAMES or not all(0 < len(name) <= _MOST_NAME_CHARS for name in document.names):
        raise UnstorableError(f"names are more than {_MOST_NAMES}, or one is empty or over {_MOST_NAME_CHARS} long")
    for mention in document.mentions:
        if mention.entity_id in ("", ANY_ENTITY):
            raise UnstorableError(f"a mention has an empty entity_id or {ANY_ENTITY!r}, which stands for the market")
        if mention.sentiment not in _SENTIMENTS:
            raise UnstorableError("a mention's sentiment is none of " + ", ".join(sorted(_SENTIMENTS)))
        if not -_LARGEST_SCORE <= mention.score_micro < _LARGEST_SCORE:
            raise UnstorableError("a mention's score_micro does not fit 32 bits; it is in millionths")
