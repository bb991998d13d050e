"""What the detectors look at, read from `trend_counts`: many entities in one query."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from alerts.detection.series import Series, time_of
from storage.records import ANY_ENTITY, ANY_TOPIC

__all__ = ["Counts", "StoredCounts"]

_ENTITIES = text(
    """
    select entity_id, (extract(epoch from bucket) / 60)::bigint, sum(negative_stories)::bigint, sum(negative)::bigint
    from trend_counts
    where entity_id = any(:entities) and topic = :topic and bucket between :since and :until and negative > 0
    group by entity_id, bucket
    order by entity_id
    """
).bindparams(
    bindparam("entities", type_=ARRAY(Text)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_VOLUMES = text(
    """
    select entity_id, (extract(epoch from bucket) / 60)::bigint, sum(stories)::bigint, sum(documents)::bigint
    from trend_counts
    where entity_id = any(:entities) and topic = :topic and bucket between :since and :until
    group by entity_id, bucket
    order by entity_id
    """
).bindparams(
    bindparam("entities", type_=ARRAY(Text)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_MARKET = text(
    """
    select (extract(epoch from date_trunc('hour', bucket, 'UTC')) / 60)::bigint + 59,
           sum(negative_stories)::bigint, sum(documents)::bigint
    from trend_counts
    where entity_id = :entity and topic = :topic and bucket between :since and :until
    group by 1
    """
).bindparams(
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)


class Counts(Protocol):
    """Where counts are read; minutes since 1970 throughout, all model versions together."""

    def entities(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """The negative counts of each entity in the buckets `since` to `until`; absent where there are none."""

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """The same of all stories and documents of each entity, whatever they say."""

    def market(self, since: int, until: int) -> Series:
        """Negative stories and all documents of the whole market by the hour, each hour at its last minute.

        The hours in which `since` and `until` lie are read whole.
        """


class StoredCounts:
    """The counts in the database, as the transaction of `connection` sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def entities(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """One query for all of them."""
        return self._read(_ENTITIES, entities, since, until)

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """One query for all of them."""
        return self._read(_VOLUMES, entities, since, until)

    def _read(self, query: TextClause, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        span = {"since": time_of(since), "until": time_of(until)}
        rows = self._connection.execute(query, span | {"entities": list(entities), "topic": ANY_TOPIC})
        return {
            entity_id: Series.of((bucket, stories, documents) for _, bucket, stories, documents in group)
            for entity_id, group in groupby(rows, key=lambda row: row[0])
        }

    def market(self, since: int, until: int) -> Series:
        """Summed by the hour in the database."""
        span = {"since": time_of(since - since % 60), "until": time_of(until - until % 60 + 59)}
        rows = self._connection.execute(_MARKET, span | {"entity": ANY_ENTITY, "topic": ANY_TOPIC})
        return Series.of((bucket, stories, documents) for bucket, stories, documents in rows)
