"""Adds documents up into minute sums. Pure, and in integers: any order and any split add up to the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from operator import add, sub
from typing import NamedTuple

from storage.records import ANY_ENTITY, ANY_TOPIC, ScoredDocument, Sentiment

__all__ = ["Key", "PlainKey", "PlainSums", "Sums", "add_up", "balance", "minute_of", "totals"]


class Key(NamedTuple):
    """What a trend row is about. Its order is the order in which every worker locks rows."""

    entity_id: str
    topic: str
    bucket: datetime
    model_version: str


class Sums(NamedTuple):
    """What a batch adds to a trend row."""

    documents: int
    stories: int
    negative: int
    neutral: int
    positive: int
    negative_stories: int
    score_micro: int


PlainKey = tuple[str, str, datetime, str]
"""A Key without its names."""

PlainSums = tuple[int, ...]
"""Sums without their names."""


def minute_of(at: datetime) -> datetime:
    """The start of the UTC minute that holds an aware time."""
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def add_up(documents: Iterable[ScoredDocument]) -> list[tuple[Key, Sums]]:
    """What these documents add, sorted by key.

    Each document counts once for the whole market and once for each company it names, and there once for any topic
    and once for each of its topics. The market takes the document's own sentiment, a company the one toward it.
    """
    return [(Key(*key), Sums(*amount)) for key, amount in totals(documents)]


def totals(documents: Iterable[ScoredDocument]) -> list[tuple[PlainKey, PlainSums]]:
    """As `add_up`, in plain tuples: of thousands a second, the cycle collector soon leaves these alone."""
    added: dict[PlainKey, PlainSums] = {}
    minutes: dict[datetime, datetime] = {}
    for document in documents:
        bucket = minute_of(document.published_at)
        bucket = minutes.setdefault(bucket, bucket)  # one object for a minute: hashed once, equal at a glance
        version = document.model_version
        new = document.novelty == "new"
        topics = (ANY_TOPIC, *dict.fromkeys(document.topics))
        for entity_id, (sentiment, score) in _subjects(document).items():
            amount = _amount(sentiment, new, score)
            for topic in topics:
                key = (entity_id, topic, bucket, version)
                held = added.get(key)
                added[key] = amount if held is None else tuple(map(add, held, amount))
    return sorted(added.items())


def balance(added: Iterable[ScoredDocument], taken_out: Iterable[ScoredDocument]) -> list[tuple[PlainKey, PlainSums]]:
    """What is left to add when some documents come and others go, sorted by key; may be negative, is never all zero."""
    sums = dict(totals(added))
    nothing = (0,) * len(Sums._fields)
    for key, amount in totals(taken_out):
        sums[key] = tuple(map(sub, sums.get(key, nothing), amount))
    return sorted((key, amount) for key, amount in sums.items() if amount != nothing)


def _subjects(document: ScoredDocument) -> dict[str, tuple[Sentiment, int]]:
    subjects = {ANY_ENTITY: (document.sentiment, document.score_micro)}
    for mention in document.mentions:  # the first of several mentions of a company is the one that is stored
        subjects.setdefault(mention.entity_id, (mention.sentiment, mention.score_micro))
    return subjects


def _amount(sentiment: Sentiment, new: bool, score_micro: int) -> tuple[int, ...]:
    negative = int(sentiment == "negative")
    return (
        1,
        int(new),
        negative,
        int(sentiment == "neutral"),
        int(sentiment == "positive"),
        negative & new,
        score_micro,
    )
