"""What the detectors look at, read from `trend_counts`: many entities in one query, each count once.

`date_part` gives a double, exact for minutes, where `extract` gives a numeric that costs more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from alerts.detection.series import Series, time_of
from alerts.detection.tones import TonedSeries
from storage.records import ANY_ENTITY, ANY_TOPIC

__all__ = ["Counts", "StoredCounts"]

_ENTITIES = """
    select entity_id, (date_part('epoch', bucket) / 60)::bigint, sum(negative_stories)::bigint, sum(negative)::bigint
    from trend_counts
    where entity_id = any(:entities) and topic = :topic and bucket between :since and :until and negative > 0
    group by entity_id, bucket
    order by entity_id
    """

_ENTITIES_ON_TOPICS = """
    with each as (
        select entity_id, bucket, topic, sum(negative_stories) as stories, sum(negative) as documents
        from trend_counts
        where entity_id = any(:entities) and topic = any(:topics) and bucket between :since and :until and negative > 0
        group by entity_id, bucket, topic
    )
    select entity_id, (date_part('epoch', bucket) / 60)::bigint, max(stories)::bigint, max(documents)::bigint
    from each
    group by entity_id, bucket
    order by entity_id
    """

_VOLUMES = """
    select entity_id, (date_part('epoch', bucket) / 60)::bigint, sum(stories)::bigint, sum(documents)::bigint
    from trend_counts
    where entity_id = any(:entities) and topic = :topic and bucket between :since and :until
    group by entity_id, bucket
    order by entity_id
    """

_TONES = """
    select entity_id, (date_part('epoch', bucket) / 60)::bigint, sum(stories)::bigint, sum(documents)::bigint,
           sum(negative_stories)::bigint, sum(score_micro)::bigint
    from trend_counts
    where entity_id = any(:entities) and topic = :topic and bucket between :since and :until and documents > 0
    group by entity_id, bucket
    order by entity_id
    """

_MARKET = """
    select '*', (date_part('epoch', hour) / 60)::bigint + 59, negative_stories, documents
    from market_hours
    where topic = :topic and hour between :since and :until
    """

_MARKET_ON_TOPICS = """
    select '*', (date_part('epoch', hour) / 60)::bigint + 59,
           coalesce(sum(negative_stories) filter (where topic = any(:topics)), 0)::bigint,
           coalesce(sum(documents) filter (where topic = :topic), 0)::bigint
    from market_hours
    where topic = any(array_append(cast(:topics as text[]), cast(:topic as text))) and hour between :since and :until
    group by hour
    """


class Counts(Protocol):
    """Where counts are read; minutes since 1970 throughout, all model versions together."""

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        """The negative counts of each entity in the buckets `since` to `until`; absent where there are none.

        Of `topics` alone where some are given: in each minute the largest count that one of them has, since a document
        may be about several.
        """

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """The same of all stories and documents of each entity, whatever they say."""

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        """The same with what of it is negative, and how it is meant."""

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        """Negative stories and all documents of the whole market by the hour, each hour at its last minute.

        Where `topics` are given, only their negative stories count, one with several of them as often. The hours in
        which `since` and `until` lie are read whole.
        """


@dataclass(frozen=True)
class _Read:
    """What was asked for, and what came of it."""

    entities: tuple[str, ...]
    since: int
    until: int
    found: dict[str, Series]


class StoredCounts:
    """The counts in the database, as the transaction of `connection` sees them.

    What was read is kept for the next detector that asks for the same entities and no more of their time. It may get
    more than it asked for, which does no harm: detectors look back from a bucket, and no further than their reach.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._kept: dict[tuple[str, tuple[str, ...]], _Read] = {}

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        """One query for all of them."""
        return self._read(_ENTITIES_ON_TOPICS if topics else _ENTITIES, entities, since, until, topics)

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """One query for all of them."""
        return self._read(_VOLUMES, entities, since, until)

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        """One query for all of them; not kept, since whoever asks judges other minutes than the rest."""
        rows = self._rows(_TONES, entities, since, until)
        return {
            entity_id: TonedSeries.told(tuple(row[1:]) for row in group)
            for entity_id, group in groupby(rows, key=itemgetter(0))
        }

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        """Read from `market_hours`, which is in step with the minutes in every transaction."""
        since, until = since - since % 60, until - until % 60 + 59
        found = self._read(_MARKET_ON_TOPICS if topics else _MARKET, (ANY_ENTITY,), since, until, topics)
        return found.get(ANY_ENTITY, Series.of(()))

    def _read(
        self, query: str, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        key, about = (query, tuple(topics)), tuple(entities)
        kept = self._kept.get(key)
        if kept is None or kept.entities != about or kept.since > since or kept.until < until:
            rows = self._rows(query, about, since, until, topics)
            found = {
                entity_id: Series.of((bucket, stories, documents) for _, bucket, stories, documents in group)
                for entity_id, group in groupby(rows, key=itemgetter(0))
            }
            kept = self._kept[key] = _Read(about, since, until, found)
        return kept.found

    def _rows(
        self, query: str, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> Iterable[Any]:
        given: dict[str, Any] = {"entities": list(entities), "since": time_of(since), "until": time_of(until)}
        given |= {"topics": list(topics)} if topics else {}
        given |= {} if query is _ENTITIES_ON_TOPICS else {"topic": ANY_TOPIC}
        return self.connection.execute(_statement(query), given)


def _statement(query: str) -> TextClause:
    moments = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
    lists = (bindparam("entities", type_=ARRAY(Text)), bindparam("topics", type_=ARRAY(Text)))
    wanted = [each for each in (*moments, *lists) if f":{each.key}" in query]
    return text(query).bindparams(*wanted)
