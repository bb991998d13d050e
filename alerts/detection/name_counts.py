"""The counts of names that no watch list has, from the documents themselves: nothing is kept beside them.

What is held at once is bounded by the database's own aggregation: of all names in the news of a batch only those come
back that have enough stories within the longest horizon, and they are judged `AT_ONCE` at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from alerts.detection.counts import StoredCounts
from alerts.detection.series import Minutes, Series, time_of
from alerts.detection.tones import TonedSeries
from alerts.detection.unlisted import entity_of, is_unlisted, name_of
from alerts.detection.work import Job, close_together
from storage.records import ANY_ENTITY

__all__ = ["AT_ONCE", "NameCounts", "SourcedSeries"]

AT_ONCE = 200
"""Names whose past is read together."""

_GLANCE = 50
"""So many stories of a name are looked at to see whether it is worth judging; one that has them is."""

_TOUCHED = """
    select distinct name, (extract(epoch from date_trunc('minute', published_at)) / 60)::bigint as minute
    from documents, unnest(names) as name
    where names <> '{}' and novelty = 'new' and {tone} and published_at >= :since and published_at < :until
      and date_trunc('minute', published_at) = any(:minutes)
    """

_ENOUGH = """
    select asked.name
    from unnest(:names) as asked (name), lateral (
        select count(*) as stories, count(distinct source) as sources from (
            select source from documents
            where names && array[asked.name] and names <> '{}' and novelty = 'new' and {tone}
              and published_at >= :since and published_at < :until
            limit :glance
        ) as seen
    ) as found
    where stories >= :stories and (sources >= :sources or stories = :glance)
    """

_STORIES = """
    select name, (extract(epoch from date_trunc('minute', published_at)) / 60)::bigint as minute, source,
           count(*) filter (where novelty = 'new') as stories, count(*) as documents
    from documents, unnest(names) as name
    where names && :names and names <> '{}' and name = any(:names) and {tone}
      and published_at >= :since and published_at < :until
    group by 1, 2, 3
    order by 1, 2, 3
    """


@cache
def _statement(query: str, *, every_tone: bool) -> TextClause:
    moments = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
    lists = (bindparam("names", type_=ARRAY(Text)), bindparam("minutes", type_=ARRAY(DateTime(timezone=True))))
    wanted = [each for each in (*moments, *lists) if f":{each.key}" in query]
    return text(query.replace("{tone}", "true" if every_tone else "sentiment = 'negative'")).bindparams(*wanted)


@dataclass(frozen=True, eq=False)
class SourcedSeries(Series):
    """Counts that know who told the stories: the minutes in which a source told one, ascending, and its number."""

    told: tuple[Minutes, Minutes] = (np.empty(0, np.int64), np.empty(0, np.int64))

    def sources(self, bucket: int, horizon_min: int) -> int:
        """How many sources told a story within the horizon that ends with the bucket."""
        minutes, numbers = self.told
        first, last = np.searchsorted(minutes, (bucket - horizon_min, bucket), side="right").tolist()
        return int(np.unique(numbers[first:last]).size)


class NameCounts:
    """The same as StoredCounts, for names: stories whose text holds one, in the transaction of `stored`.

    A name counts once in a document. `stories` and `sources` are the least that is worth a look, of bad news or with
    `every_tone` of all.
    """

    def __init__(self, stored: StoredCounts, *, stories: int = 1, sources: int = 1, every_tone: bool = False) -> None:
        self._connection = stored.connection
        self._least = {"stories": stories, "sources": sources, "glance": max(_GLANCE, stories)}
        self._every_tone = every_tone
        self._stored = stored

    def jobs(self, jobs: Sequence[Job], horizon_min: int, ready: int) -> Iterator[list[Job]]:
        """What jobs of the market and of names mean for names: at most AT_ONCE names a time.

        Left out is a name that has too few stories for any horizon which ends up to `ready` and holds a moved bucket.
        """
        moved = sorted(job for job in jobs if job[1] == ANY_ENTITY)
        found = {(bucket, entity_id) for bucket, entity_id in jobs if is_unlisted(entity_id)}
        for part in close_together(moved, 2 * horizon_min):
            buckets = [bucket for bucket, _ in part]
            minutes = [time_of(bucket) for bucket in buckets]
            rows = self._rows(_TOUCHED, buckets[0], buckets[-1], {"minutes": minutes}, every_tone=self._every_tone)
            touched = [(name, minute) for name, minute in rows]
            about = {"names": sorted({name for name, _ in touched})} | self._least
            since, until = buckets[0] - horizon_min, min(buckets[-1] + horizon_min, ready)
            enough = {name for (name,) in self._rows(_ENOUGH, since, until, about, every_tone=self._every_tone)}
            found |= {(minute, entity_of(name)) for name, minute in touched if name in enough}
        names = sorted({entity_id for _, entity_id in found})
        by_name = {key: list(each) for key, each in groupby(sorted(found, key=itemgetter(1, 0)), key=itemgetter(1))}
        for first in range(0, len(names), AT_ONCE):
            yield [job for name in names[first : first + AT_ONCE] for job in by_name[name]]

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        """One query for all of them, on any topic."""
        return self._read(entities, since, until, every_tone=False)

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """The same."""
        return self._read(entities, since, until, every_tone=True)

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        """None: nobody asks for the tone of what is said about a name."""
        return {}

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        """As StoredCounts has it."""
        return self._stored.market(since, until, topics)

    def _read(self, entities: Sequence[str], since: int, until: int, *, every_tone: bool) -> dict[str, Series]:
        names = {"names": list(map(name_of, entities))}
        rows = self._rows(_STORIES, since, until, names, every_tone=every_tone)
        return {entity_of(name): _series(list(group)) for name, group in groupby(rows, key=itemgetter(0))}

    def _rows(
        self, query: str, since: int, until: int, about: Mapping[str, object], *, every_tone: bool
    ) -> Iterable[Any]:
        """Rows of documents of the minutes `since` to `until`."""
        given = {**about, "since": time_of(since), "until": time_of(until + 1)}
        return self._connection.execute(_statement(query, every_tone=every_tone), given)


def _series(rows: Sequence[tuple[str, int, str, int, int]]) -> SourcedSeries:
    """From (name, minute, source, stories, documents) in the order of the minutes."""
    counts = []
    for minute, group in groupby(rows, key=itemgetter(1)):
        of_minute = list(group)
        counts.append((minute, sum(row[3] for row in of_minute), sum(row[4] for row in of_minute)))
    table = np.array(counts, dtype=np.int64).reshape(-1, 3)
    buckets, stories, documents = (np.ascontiguousarray(table[:, column]) for column in range(3))
    numbers = {source: number for number, source in enumerate({row[2] for row in rows})}
    told = np.array([(row[1], numbers[row[2]]) for row in rows if row[3]], dtype=np.int64).reshape(-1, 2)
    return SourcedSeries(buckets, stories, documents, told=(told[:, 0], told[:, 1]))
