"""What the ledger takes in: a scored document with its mentions, a takedown, or a dead letter, each with its origin.

The same structs travel on the wire (`documents.scored`), so they are said once, here, below both rooms. They are
trees of values, so the cycle collector need not look at them (`gc=False`): it would, at thousands a second.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Sentiment = Literal["negative", "neutral", "positive"]
Novelty = Literal["new", "reprint", "same"]

ANY_ENTITY = "*"
"""The entity of market-wide rows; it counts every document once, whether or not it names a company."""

ANY_TOPIC = "*"
"""The topic of rows that count every document of an entity once, whatever it is about."""


class Origin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record of `documents.raw` that something was made from: the key of the ledger.

    Read from elsewhere, it is a place that a log can have: whoever may write to our topics could name another, and the
    ledger would refuse it again and again.
    """

    topic: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}\Z")]
    partition: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    offset: Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)]


class Mention(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One company named in one document.

    `score_micro` is P(positive) - P(negative) toward this company in millionths: integers add up exactly,
    in any order, on any machine; floats do not.
    """

    entity_id: str
    surface: str
    sentiment: Sentiment
    score_micro: int


class ScoredDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document after intake and model. Times are UTC and aware. Probabilities sum to 1."""

    document_id: UUID
    origin: Origin
    source: str
    url: str = ""
    title: str = ""
    body: str = ""
    language: str
    published_at: datetime
    arrived_at: datetime
    """When the broker appended the raw record: what an analyst could have known, when."""
    story_id: UUID
    novelty: Novelty
    sentiment: Sentiment
    negative: float
    neutral: float
    positive: float
    score_micro: int
    topics: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    flags: tuple[str, ...] = ()
    model_version: str
    revised_at: datetime | None = None
    """When its source made this version; None for a document as it first came. See `storage/versions.py`."""
    names: tuple[str, ...] = ()
    """Names of companies that the watch list does not have, as the text writes them: see `stream/names.py`."""


class Retraction(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="retraction"):
    """A takedown: the document of this id does not count, whether it has come or is yet to come. Times are aware UTC.

    The tag tells it apart on the wire: no broken scored document is ever read as one.
    """

    document_id: UUID
    origin: Origin
    published_at: datetime
    """As the record says, else its arrival; matters only where the takedown is first to arrive."""
    arrived_at: datetime
    revised_at: datetime
    """When its source took it down."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A raw record that could not be read. `value` and `key` are the original bytes, untouched."""

    origin: Origin
    reason: str
    detail: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    arrived_at: datetime
