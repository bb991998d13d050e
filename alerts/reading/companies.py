"""The watch list, and what is known of one company: its day, its topics, its peers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, or_, select, text
from sqlalchemy.types import DateTime

from storage.records import ANY_TOPIC
from storage.tables import alerts, entities

__all__ = ["Company", "CompanyDay", "Peer", "TopicCount", "companies", "day_of", "find_company", "peers", "topics"]


@dataclass(frozen=True, slots=True)
class Company:
    """An entry of the watch list in force, and how many alerts of it are not resolved."""

    entity_id: str
    name: str
    aliases: tuple[str, ...]
    tickers: tuple[str, ...]
    groups: tuple[str, ...]
    active_alerts: int


@dataclass(frozen=True, slots=True)
class CompanyDay:
    """What was written about a company in a stretch of time."""

    documents: int
    stories: int
    negative: int
    positive: int
    negative_stories: int
    mean_score: float


@dataclass(frozen=True, slots=True)
class TopicCount:
    """How many documents about a company were about a topic, and how many of them were negative."""

    topic: str
    documents: int
    negative: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A company that is named in the same documents."""

    entity_id: str
    name: str
    documents: int


def companies(connection: Connection, *, most: int, after: str = "", words: str = "", group: str = "") -> list[Company]:
    """At most `most` companies whose id comes after `after`; `words` are looked for in id, names and tickers."""
    query = select(entities, _active).order_by(entities.c.entity_id).limit(most)
    if after:
        query = query.where(entities.c.entity_id > after)
    if group:
        query = query.where(entities.c.groups.contains([group]))
    if words:
        lists = (func.array_to_string(column, " ") for column in (entities.c.aliases, entities.c.tickers))
        places = (entities.c.entity_id, entities.c.name, *lists)
        query = query.where(or_(*(place.icontains(words, autoescape=True) for place in places)))
    return [_company(row._mapping) for row in connection.execute(query)]


def find_company(connection: Connection, entity_id: str) -> Company | None:
    """One company; None where the watch list does not have it."""
    row = connection.execute(select(entities, _active).where(entities.c.entity_id == entity_id)).first()
    return _company(row._mapping) if row else None


def day_of(connection: Connection, entity_id: str, since: datetime, until: datetime) -> CompanyDay:
    """The sums of a company over the minutes in [since, until); zeros where nothing was written."""
    row = connection.execute(_DAY, {"entity_id": entity_id, "topic": ANY_TOPIC, "since": since, "until": until}).one()
    return CompanyDay(**row._mapping)


def topics(connection: Connection, entity_id: str, since: datetime, until: datetime) -> list[TopicCount]:
    """What was written about, most first."""
    rows = connection.execute(_TOPICS, {"entity_id": entity_id, "any": ANY_TOPIC, "since": since, "until": until})
    return [TopicCount(**row._mapping) for row in rows]


def peers(connection: Connection, entity_id: str, until: datetime, *, days: int = 7, most: int = 10) -> list[Peer]:
    """Whom the documents of the last days name beside a company, most often first."""
    span = {"since": until - timedelta(days=days), "until": until}
    rows = connection.execute(_PEERS, {"entity_id": entity_id, "most": most} | span)
    return [Peer(**row._mapping) for row in rows]


_active = (
    select(func.count())
    .where(alerts.c.entity_id == entities.c.entity_id, alerts.c.status != "resolved")
    .scalar_subquery()
    .label("active_alerts")
)

_SPAN = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))

_DAY = text(
    """
    SELECT coalesce(sum(documents), 0)::bigint AS documents, coalesce(sum(stories), 0)::bigint AS stories,
           coalesce(sum(negative), 0)::bigint AS negative, coalesce(sum(positive), 0)::bigint AS positive,
           coalesce(sum(negative_stories), 0)::bigint AS negative_stories,
           coalesce(sum(score_micro), 0) / (1e6::double precision * greatest(sum(documents), 1)) AS mean_score
    FROM shown_counts
    WHERE entity_id = :entity_id AND topic = :topic AND bucket >= :since AND bucket < :until
    """
).bindparams(*_SPAN)

_TOPICS = text(
    """
    SELECT topic, sum(documents)::bigint AS documents, sum(negative)::bigint AS negative
    FROM shown_counts
    WHERE entity_id = :entity_id AND topic <> :any AND bucket >= :since AND bucket < :until
    GROUP BY topic ORDER BY documents DESC, topic
    """
).bindparams(*_SPAN)

_PEERS = text(
    """
    SELECT o.entity_id, coalesce(e.name, o.entity_id) AS name, count(*) AS documents
    FROM mentions m
    JOIN mentions o ON o.document_id = m.document_id AND o.published_at = m.published_at
                   AND o.entity_id <> m.entity_id AND o.published_at >= :since AND o.published_at < :until
    LEFT JOIN entities e ON e.entity_id = o.entity_id
    WHERE m.entity_id = :entity_id AND m.published_at >= :since AND m.published_at < :until
    GROUP BY o.entity_id, e.name ORDER BY documents DESC, o.entity_id LIMIT :most
    """
).bindparams(*_SPAN)


def _company(row: object) -> Company:
    values = dict(row)  # type: ignore[call-overload]
    return Company(**values | {name: tuple(values[name]) for name in ("aliases", "tickers", "groups")})
