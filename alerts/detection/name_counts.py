"""The counts of names that no watch list has, from the documents themselves: nothing is kept beside them.

What is held at once is bounded by the database's own aggregation: of all names in the news of a batch only those come
back that have enough stories within the longest horizon, and they are judged `AT_ONCE` at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

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

_SPAN = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))

_IN_BAD_NEWS = text(
    """
    with bad as materialized (
        select published_at, source, names from documents
        where sentiment = 'negative' and names <> '{}' and novelty = 'new'
          and published_at >= :since and published_at < :until
    ), enough as (
        select name from bad, unnest(names) as name
        group by name having count(*) >= :stories and count(distinct source) >= :sources
    )
    select distinct name, (extract(epoch from date_trunc('minute', published_at)) / 60)::bigint as minute
    from bad, unnest(names) as name join enough using (name)
    where date_trunc('minute', published_at) = any(:minutes)
    order by name, minute
    """
).bindparams(*_SPAN, bindparam("minutes", type_=ARRAY(DateTime(timezone=True))))

_IN_ANY_NEWS = text(
    """
    with touched as materialized (
        select distinct name, (extract(epoch from date_trunc('minute', published_at)) / 60)::bigint as minute
        from documents, unnest(names) as name
        where names <> '{}' and novelty = 'new' and published_at >= :first and published_at < :last
          and date_trunc('minute', published_at) = any(:minutes)
    ), enough as (
        select name from documents, unnest(names) as name
        where names && (select array_agg(distinct name) from touched) and names <> '{}' and novelty = 'new'
          and published_at >= :since and published_at < :until
        group by name having count(*) >= :stories and count(distinct source) >= :sources
    )
    select name, minute from touched join enough using (name) order by name, minute
    """
).bindparams(
    *_SPAN,
    bindparam("first", type_=DateTime(timezone=True)),
    bindparam("last", type_=DateTime(timezone=True)),
    bindparam("minutes", type_=ARRAY(DateTime(timezone=True))),
)

_STORIES_OF = """
    select name, (extract(epoch from date_trunc('minute', published_at)) / 60)::bigint as minute, source,
           count(*) filter (where novelty = 'new') as stories, count(*) as documents
    from documents, unnest(names) as name
    where names && :names and names <> '{}' and name = any(:names) {and_so}
      and published_at >= :since and published_at < :until
    group by 1, 2, 3
    order by 1, 2, 3
    """


def _stories(and_so: str) -> TextClause:
    return text(_STORIES_OF.replace("{and_so}", and_so)).bindparams(*_SPAN, bindparam("names", type_=ARRAY(Text)))


_STORIES, _BAD_STORIES = _stories(""), _stories("and sentiment = 'negative'")


@dataclass(frozen=True, eq=False)
class SourcedSeries(Series):
    """Counts that know who told the stories: for each source the minutes in which it told one, ascending."""

    told: tuple[Minutes, ...] = ()

    def sources(self, bucket: int, horizon_min: int) -> int:
        """How many sources told a story within the horizon that ends with the bucket."""
        ends = np.array([bucket - horizon_min, bucket])
        return sum(bool(np.diff(np.searchsorted(minutes, ends, side="right"))[0]) for minutes in self.told)


class NameCounts:
    """The same as StoredCounts, for names: stories whose text holds one, in the transaction of `stored`.

    A name counts once in a document. `stories` and `sources` are the least that is worth a look, of bad news or with
    `every_tone` of all.
    """

    def __init__(self, stored: StoredCounts, *, stories: int = 1, sources: int = 1, every_tone: bool = False) -> None:
        self._connection = stored.connection
        self._least = {"stories": stories, "sources": sources}
        self._touched = _IN_ANY_NEWS if every_tone else _IN_BAD_NEWS
        self._stored = stored

    def jobs(self, jobs: Sequence[Job], horizon_min: int, ready: int) -> Iterator[list[Job]]:
        """What jobs of the market and of names mean for names: at most AT_ONCE names a time.

        Left out is a name that has too few stories for any horizon which ends up to `ready` and holds a moved bucket.
        """
        moved = sorted(job for job in jobs if job[1] == ANY_ENTITY)
        found = {(bucket, entity_id) for bucket, entity_id in jobs if is_unlisted(entity_id)}
        for part in close_together(moved, 2 * horizon_min):
            buckets = [bucket for bucket, _ in part]
            span = {
                "since": time_of(buckets[0] - horizon_min),
                "until": time_of(min(buckets[-1] + horizon_min, ready) + 1),
                "first": time_of(buckets[0]),
                "last": time_of(buckets[-1] + 1),
                "minutes": [time_of(bucket) for bucket in buckets],
            }
            rows = self._connection.execute(self._touched, span | self._least)
            found |= {(minute, entity_of(name)) for name, minute in rows}
        names = sorted({entity_id for _, entity_id in found})
        by_name = {key: list(each) for key, each in groupby(sorted(found, key=itemgetter(1, 0)), key=itemgetter(1))}
        for first in range(0, len(names), AT_ONCE):
            yield [job for name in names[first : first + AT_ONCE] for job in by_name[name]]

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        """One query for all of them, on any topic."""
        return self._read(_BAD_STORIES, entities, since, until)

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        """The same."""
        return self._read(_STORIES, entities, since, until)

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        """None: nobody asks for the tone of what is said about a name."""
        return {}

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        """As StoredCounts has it."""
        return self._stored.market(since, until, topics)

    def _read(self, query: TextClause, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        given = {"names": list(map(name_of, entities)), "since": time_of(since), "until": time_of(until + 1)}
        rows = self._connection.execute(query, given)
        return {entity_of(name): _series(list(group)) for name, group in groupby(rows, key=itemgetter(0))}


def _series(rows: Sequence[tuple[str, int, str, int, int]]) -> SourcedSeries:
    """From (name, minute, source, stories, documents) in the order of the minutes."""
    told: dict[str, list[int]] = defaultdict(list)
    counts = []
    for minute, group in groupby(rows, key=itemgetter(1)):
        of_minute = list(group)
        counts.append((minute, sum(row[3] for row in of_minute), sum(row[4] for row in of_minute)))
        for row in of_minute:
            if row[3]:
                told[row[2]].append(minute)
    table = np.array(counts, dtype=np.int64).reshape(-1, 3)
    minutes = tuple(np.array(told[source], dtype=np.int64) for source in sorted(told))
    buckets, stories, documents = (np.ascontiguousarray(table[:, column]) for column in range(3))
    return SourcedSeries(buckets, stories, documents, told=minutes)
