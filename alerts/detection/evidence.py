"""Why the system thinks so: the numbers of the finding, and the documents that made them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from alerts.detection.detectors import Finding
from alerts.detection.rule_seen import RuleSeen
from alerts.detection.series import time_of
from alerts.detection.unlisted import is_unlisted, name_of
from alerts.detection.words import Word
from storage.records import ANY_ENTITY

__all__ = [
    "MOST_DOCUMENTS",
    "Document",
    "Evidence",
    "Moment",
    "Peak",
    "as_json",
    "assembled",
    "from_json",
    "gather",
    "topics_of",
    "web_address",
    "with_words_of",
]

MOST_DOCUMENTS = 10

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone, which is UTC."""

_MOST_TEXT = 500
_MOST_URL = 2000
_DAY_MIN = 1440

_DOCUMENTS = text(
    """
    select d.document_id, d.title, d.url, d.source, d.published_at, m.score_micro, d.novelty
    from mentions m
    join documents d on d.document_id = m.document_id and d.published_at = m.published_at
    where m.entity_id = :entity_id and m.sentiment = 'negative'
      and m.published_at >= :since and m.published_at < :until
      and d.published_at >= :since and d.published_at < :until
    order by not d.topics && :topics, d.novelty <> 'new', m.score_micro, d.published_at, d.document_id
    limit :most
    """
).bindparams(
    bindparam("topics", type_=ARRAY(Text)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_ALL_DOCUMENTS = text(
    """
    select d.document_id, d.title, d.url, d.source, d.published_at, m.score_micro, d.novelty
    from mentions m
    join documents d on d.document_id = m.document_id and d.published_at = m.published_at
    where m.entity_id = :entity_id and m.published_at >= :since and m.published_at < :until
      and d.published_at >= :since and d.published_at < :until
    order by d.novelty <> 'new', d.published_at, d.document_id
    limit :most
    """
).bindparams(
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_MARKET = text(
    """
    select document_id, title, url, source, published_at, score_micro, novelty from documents
    where sentiment = 'negative' and published_at >= :since and published_at < :until
    order by novelty <> 'new', score_micro, published_at, document_id
    limit :most
    """
).bindparams(
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_NAMED = text(
    """
    select document_id, title, url, source, published_at, score_micro, novelty from documents
    where names && array[cast(:name as text)] and sentiment = 'negative' and names <> '{}'
      and published_at >= :since and published_at < :until
    order by novelty <> 'new', score_micro, published_at, document_id
    limit :most
    """
).bindparams(
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_ALL_NAMED = text(
    """
    select document_id, title, url, source, published_at, score_micro, novelty from documents
    where names && array[cast(:name as text)] and names <> '{}' and published_at >= :since and published_at < :until
    order by novelty <> 'new', published_at, document_id
    limit :most
    """
).bindparams(
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_TOPICS = text(
    """
    select distinct topic from documents d, unnest(d.topics) as topic
    where d.document_id = any(:ids) and d.published_at = any(:times) order by topic
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("times", type_=ARRAY(DateTime(timezone=True))))


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document behind an alert. Its text is untrusted: whoever shows it must escape it.

    `score` is P(positive) - P(negative) toward the company, -1 to 1. `url` is http(s) or empty. `words` are those that
    made it negative, heaviest first, says the model `explained_by`; only the first document of an alert gets them, a
    moment after the alert was told. `explained_by` is empty until then, "none" where there was no text to ask about.
    """

    document_id: UUID
    title: str
    url: str
    source: str
    published_at: Moment
    score: float
    novelty: str
    words: tuple[Word, ...] = ()
    explained_by: str = ""


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The finding that an alert shows, as it is kept with the alert; buckets in minutes since 1970."""

    bucket: int
    since: int
    observed_documents: int
    severity: str
    topics: tuple[str, ...] = ()
    """It is about documents on these topics; empty: on any."""
    previous: int | None = None
    """The last story of that kind before `since`, as far back as the detector looks."""
    step_min: int = 1
    """How many minutes the decisive bucket has."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept in `alerts.evidence`."""

    peak: Peak
    since: Moment
    """The first story within the horizon that counts: a negative one, or where tone does not matter any."""
    baseline_per_day: float
    documents: tuple[Document, ...]
    """Most novel and most negative first, or earliest where tone does not matter; at most `MOST_DOCUMENTS`."""
    rule: RuleSeen | None = None
    """What an operator's rule asked for and saw, where one raised the alert."""


def gather(connection: Connection, entity_id: str, finding: Finding, *, every_tone: bool = False) -> Evidence:
    """The evidence for one finding, as the database holds it now: bad news, or with `every_tone` all of it."""
    given: dict[str, Any] = {
        "since": time_of(finding.bucket + finding.step_min - finding.horizon_min),
        "until": time_of(finding.bucket + finding.step_min),
        "most": MOST_DOCUMENTS,
    }
    if entity_id == ANY_ENTITY:
        return assembled(finding, connection.execute(_MARKET, given))
    if is_unlisted(entity_id):
        named = _ALL_NAMED if every_tone else _NAMED
        return assembled(finding, connection.execute(named, given | {"name": name_of(entity_id)}))
    if every_tone:
        return assembled(finding, connection.execute(_ALL_DOCUMENTS, given | {"entity_id": entity_id}))
    about = {"entity_id": entity_id, "topics": list(finding.topics)}
    return assembled(finding, connection.execute(_DOCUMENTS, given | about))


def assembled(finding: Finding, rows: Iterable[Any]) -> Evidence:
    """The evidence for a finding, of rows of documents in their order."""
    return Evidence(
        peak=Peak(
            bucket=finding.bucket,
            since=finding.since,
            observed_documents=finding.observed_documents,
            severity=finding.severity,
            topics=finding.topics,
            previous=finding.previous,
            step_min=finding.step_min,
        ),
        since=time_of(finding.since),
        baseline_per_day=finding.expected * _DAY_MIN / finding.horizon_min,
        documents=tuple(
            Document(
                document_id=row.document_id,
                title=row.title[:_MOST_TEXT],
                url=web_address(row.url),
                source=row.source[:_MOST_TEXT],
                published_at=row.published_at,
                score=row.score_micro / 1e6,
                novelty=row.novelty,
            )
            for row in rows
        ),
        rule=finding.rule,
    )


def with_words_of(evidence: Evidence, earlier: Evidence) -> Evidence:
    """The evidence with the words that `earlier` has for the same documents, where their titles have not changed."""
    known = {(one.document_id, one.title): one for one in earlier.documents if one.explained_by}
    documents = tuple(
        msgspec.structs.replace(one, words=had.words, explained_by=had.explained_by)
        if (had := known.get((one.document_id, one.title)))
        else one
        for one in evidence.documents
    )
    return msgspec.structs.replace(evidence, documents=documents)


def topics_of(connection: Connection, evidence: Evidence) -> list[str]:
    """What the documents of the evidence are about, sorted."""
    ids = [document.document_id for document in evidence.documents]
    times = sorted({document.published_at for document in evidence.documents})
    return list(connection.execute(_TOPICS, {"ids": ids, "times": times}).scalars())


def web_address(url: str) -> str:
    """The URL if a reader may be sent there, else nothing: javascript: and the like are not evidence."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname and len(url) <= _MOST_URL else ""


def as_json(evidence: Evidence) -> dict[str, Any]:
    """Plain JSON types, for a jsonb column."""
    plain: dict[str, Any] = msgspec.to_builtins(evidence)
    return plain


def from_json(stored: object) -> Evidence:
    """The inverse of `as_json`; raises msgspec.ValidationError for anything else."""
    return msgspec.convert(stored, Evidence)
