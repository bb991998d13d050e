"""The audit's questions to PostgreSQL, each answered in one pass. An answer is a list of lines that name what differs.

Every check names at most `FIRST` differences, in a fixed order, and how many more there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from storage.ledger import OUTCOMES
from storage.losses import lost
from storage.trend_sums import Sums

__all__ = [
    "FIRST",
    "Offsets",
    "documents",
    "invented_outcomes",
    "ledger_sums",
    "listed",
    "losses",
    "market_hours",
    "missing_outcomes",
    "positions",
    "trend_sums",
]

FIRST = 10
"""How many differences of one kind are named."""

Offsets = Mapping[tuple[str, int], tuple[int, int]]
"""For each (topic, partition) of the broker, its first offset and the offset that the next record will get."""


def missing_outcomes(connection: Connection, raw: Offsets) -> list[str]:
    """Every raw record that the broker has must have an outcome."""
    return [
        f"{topic}/{partition}: no outcome for offsets {_ranges(missing)}"
        for topic, partition, missing, _ in connection.execute(_OFFSETS, _columns(raw))
        if len(missing)
    ]


def losses(connection: Connection, raw: Offsets) -> list[str]:
    """No record may leave the broker before it is counted; losses that somebody has acknowledged are left out."""
    return listed(
        f"{one}: lost, {one.records} records left the broker before they were counted (see `yuqing losses`)"
        for one in lost(connection, raw)
    )


def invented_outcomes(connection: Connection, raw: Offsets) -> list[str]:
    """No outcome may lie beyond the broker's end, asked after what `connection` sees was written."""
    return [
        f"{topic}/{partition}: outcomes for offsets {_ranges(beyond)}, which the broker does not have"
        for topic, partition, _, beyond in connection.execute(_OFFSETS, _columns(raw))
        if len(beyond)
    ]


def ledger_sums(connection: Connection) -> list[str]:
    """In each ledger row, the outcomes add up to the number of offsets that have one."""
    return listed(
        f"ledger {row['topic']}/{row['partition']}: {' + '.join(f'{name} {row[name]}' for name in _told(row))} = "
        f"{sum(row[name] for name in OUTCOMES)}, but {row['size']} offsets have an outcome"
        for row in connection.execute(_LEDGER_SUMS).mappings()
    )


def _told(row: RowMapping) -> list[str]:
    """The outcomes worth naming: nearly every partition has never seen a revision."""
    return [name for name in OUTCOMES if row[name] or name in ("stored", "repeated", "dead")]


def documents(connection: Connection) -> list[str]:
    """Documents, their ids, their mentions and dead letters agree with the ledger and with each other."""
    lines = []
    for question, shape in _DOCUMENT_QUESTIONS.items():
        lines += listed(shape.format(*row) for row in connection.execute(text(question)))
    return lines


def positions(connection: Connection, ends: Offsets) -> list[str]:
    """Every record of documents.scored and documents.dead was read."""
    return listed(
        f"{topic}/{partition}: read up to {reached}, but the broker has {end - reached} more (end {end})"
        for topic, partition, reached, end in connection.execute(_POSITIONS, _columns(ends))
    )


def trend_sums(connection: Connection) -> list[str]:
    """The trend rows equal what the documents and mentions add up to, for all minutes whose documents are kept."""
    lines = []
    for row in connection.execute(_TRENDS).mappings():
        name = f"trend {row['entity_id']} / {row['topic']} / {row['bucket']:%Y-%m-%dT%H:%MZ} / {row['model_version']}"
        if row["stored_documents"] is None:
            lines.append(f"{name}: no row, but {row['counted_documents']} documents belong there")
        elif row["counted_documents"] is None:
            lines.append(f"{name}: the row says {row['stored_documents']} documents, none is stored")
        else:
            differing = [c for c in Sums._fields if row[f"stored_{c}"] != row[f"counted_{c}"]]
            lines += [f"{name}: {c} is {row[f'stored_{c}']}, recounted {row[f'counted_{c}']}" for c in differing]
    return listed(lines)


def market_hours(connection: Connection) -> list[str]:
    """The market's hours equal the sums of its minutes."""
    return listed(
        f"market hour {hour:%Y-%m-%dT%H:%MZ} / {topic}: {documents} documents and {negative} negative stories, "
        f"its minutes have {minute_documents} and {minute_negative}"
        for topic, hour, documents, negative, minute_documents, minute_negative in connection.execute(_MARKET_HOURS)
    )


def listed(lines: Iterable[str]) -> list[str]:
    """The first `FIRST` of these lines, and how many more there are."""
    every = list(lines)
    more = len(every) - FIRST
    return [*every[:FIRST], f"... and {more} more like the last"] if more > 0 else every


def _columns(offsets: Offsets) -> dict[str, Any]:
    places = sorted(offsets)
    return {
        "topics": [topic for topic, _ in places],
        "partitions": [partition for _, partition in places],
        "begins": [offsets[place][0] for place in places],
        "ends": [offsets[place][1] for place in places],
    }


def _ranges(ranges: Any) -> str:
    shown = [f"{r.lower}" if r.upper == r.lower + 1 else f"{r.lower}-{r.upper - 1}" for r in list(ranges)[:FIRST]]
    return ", ".join(shown) + (f" and {len(ranges) - FIRST} more ranges" if len(ranges) > FIRST else "")


_OFFSETS = text(
    """
    SELECT o.topic, o.partition,
           int8multirange(int8range(o.first, o.next)) - coalesce(l.accounted, '{}') AS missing,
           coalesce(l.accounted, '{}') - int8multirange(int8range(NULL, o.next)) AS beyond
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int4[]), CAST(:begins AS int8[]), CAST(:ends AS int8[]))
         AS o (topic, partition, first, next)
    LEFT JOIN ledger l USING (topic, partition)
    ORDER BY o.topic, o.partition
    """
)

_LEDGER_SUMS = text(
    f"""
    SELECT l.topic, l.partition, {", ".join(OUTCOMES)}, s.size
    FROM ledger l
    CROSS JOIN LATERAL (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint AS size FROM unnest(l.accounted) r) s
    WHERE {" + ".join(OUTCOMES)} <> s.size
    ORDER BY l.topic, l.partition
    """  # noqa: S608 - names of our own columns
)

_POSITIONS = text(
    """
    SELECT o.topic, o.partition, coalesce(p.next_offset, o.first) AS reached, o.next
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int4[]), CAST(:begins AS int8[]), CAST(:ends AS int8[]))
         AS o (topic, partition, first, next)
    LEFT JOIN positions p USING (topic, partition)
    WHERE coalesce(p.next_offset, o.first) < o.next
    ORDER BY o.topic, o.partition
    """
)

_DOCUMENT_QUESTIONS = {
    """
    SELECT k.document_id, k.published_at FROM document_keys k
    LEFT JOIN documents d USING (document_id, published_at)
    WHERE d.document_id IS NULL AND k.withdrawn_at IS NULL
      AND k.published_at >= coalesce((SELECT kept_from FROM retention), '-infinity')
    ORDER BY k.published_at, k.document_id
    """: "document {0} of {1:%Y-%m-%dT%H:%MZ}: its id is counted, but the document is gone",
    """
    SELECT d.document_id, d.raw_topic, d.raw_partition, d.raw_offset FROM documents d
    LEFT JOIN document_keys k USING (document_id, published_at)
    WHERE k.document_id IS NULL
    ORDER BY d.raw_topic, d.raw_partition, d.raw_offset
    """: "document {0} from {1}/{2} offset {3}: stored, but its id is not",
    """
    SELECT d.document_id, d.raw_topic, d.raw_partition, d.raw_offset, k.withdrawn_at FROM documents d
    JOIN document_keys k USING (document_id)
    WHERE k.withdrawn_at IS NOT NULL
    ORDER BY d.raw_topic, d.raw_partition, d.raw_offset
    """: "document {0} from {1}/{2} offset {3}: taken down at {4:%Y-%m-%dT%H:%M:%SZ}, but stored",
    """
    SELECT d.document_id, d.raw_topic, d.raw_partition, d.raw_offset FROM documents d
    LEFT JOIN ledger l ON (l.topic, l.partition) = (d.raw_topic, d.raw_partition)
    WHERE NOT coalesce(l.accounted @> d.raw_offset, false)
    ORDER BY d.raw_topic, d.raw_partition, d.raw_offset
    """: "document {0} from {1}/{2} offset {3}: stored, but the ledger has no outcome for that offset",
    """
    SELECT l.topic, l.partition, l.dead, count(d.topic) FROM ledger l
    LEFT JOIN dead_letters d USING (topic, partition)
    GROUP BY l.topic, l.partition, l.dead
    HAVING l.dead <> count(d.topic)
    ORDER BY l.topic, l.partition
    """: "ledger {0}/{1}: dead {2}, but {3} dead letters are kept",
    """
    SELECT d.topic, d.partition, d."offset" FROM dead_letters d
    LEFT JOIN ledger l USING (topic, partition)
    WHERE NOT coalesce(l.accounted @> d."offset", false)
    ORDER BY 1, 2, 3
    """: "dead letter {0}/{1} offset {2}: kept, but the ledger has no outcome for that offset",
    """
    SELECT m.document_id, m.entity_id FROM mentions m
    LEFT JOIN documents d USING (document_id, published_at)
    WHERE d.document_id IS NULL
    ORDER BY m.entity_id, m.document_id
    """: "mention of {1} in document {0}: the document is gone",
    """
    SELECT w.document_id, w.raw_topic, w.raw_partition, w.raw_offset FROM withdrawn_documents w
    LEFT JOIN ledger l ON (l.topic, l.partition) = (w.raw_topic, w.raw_partition)
    WHERE NOT coalesce(l.accounted @> w.raw_offset, false)
    ORDER BY w.raw_topic, w.raw_partition, w.raw_offset
    """: "document {0} from {1}/{2} offset {3}: withdrawn, but the ledger has no outcome for that offset",
    """
    SELECT s.stored, s.retracted, k.ids
    FROM (SELECT coalesce(sum(stored), 0)::bigint AS stored, coalesce(sum(retracted), 0)::bigint AS retracted
          FROM ledger) s,
         (SELECT count(*) AS ids FROM document_keys WHERE withdrawn_at IS NULL) k
    WHERE s.stored - s.retracted <> k.ids
    """: "the ledger says {0} documents were stored and {1} retracted, {2} ids are counted",
    """
    SELECT k.ids, d.documents, r.documents_dropped
    FROM (SELECT count(*) AS ids FROM document_keys WHERE withdrawn_at IS NULL) k,
         (SELECT count(*) AS documents FROM documents) d, retention r
    WHERE k.ids <> d.documents + r.documents_dropped
    """: "{0} ids are counted, but there are {1} documents and {2} dropped by retention",
    """
    SELECT s.corrected, s.retracted, w.kept, r.withdrawn_dropped
    FROM (SELECT coalesce(sum(corrected), 0)::bigint AS corrected, coalesce(sum(retracted), 0)::bigint AS retracted
          FROM ledger) s,
         (SELECT count(*) AS kept FROM withdrawn_documents) w, retention r
    WHERE s.corrected + s.retracted <> w.kept + r.withdrawn_dropped
    """: "the ledger says {0} documents were corrected and {1} retracted, but {2} withdrawn versions are kept and {3} "
    "dropped by retention",
}

_STORED, _COUNTED = (", ".join(f"{side}.{column}" for column in Sums._fields) for side in "sc")
_BOTH = ", ".join(f"s.{column} AS stored_{column}, c.{column} AS counted_{column}" for column in Sums._fields)
# A row whose documents were all taken down says 0 of everything, and nothing is stored that belongs there.
_NOTHING = ", ".join("0" for _ in Sums._fields)

_TRENDS = text(
    f"""
    WITH kept AS (SELECT coalesce(kept_from, '-infinity') AS since FROM retention)
    SELECT entity_id, topic, bucket, model_version, {_BOTH}
    FROM (SELECT * FROM trend_counts WHERE bucket >= (SELECT since FROM kept)) s
    FULL JOIN scored_as_of('infinity', (SELECT since FROM kept)) c USING (entity_id, topic, bucket, model_version)
    WHERE ({_STORED}) IS DISTINCT FROM ({_COUNTED}) AND NOT (c.documents IS NULL AND ({_STORED}) = ({_NOTHING}))
    ORDER BY entity_id, topic, bucket, model_version
    """  # noqa: S608 - names of our own columns
)

_MARKET_HOURS = text(
    """
    SELECT topic, hour, coalesce(h.documents, 0), coalesce(h.negative_stories, 0), coalesce(m.documents, 0),
           coalesce(m.negative_stories, 0)
    FROM market_hours h
    FULL JOIN (
        SELECT topic, date_trunc('hour', bucket, 'UTC') AS hour, sum(documents) AS documents,
               sum(negative_stories) AS negative_stories
        FROM trend_counts WHERE entity_id = '*' GROUP BY 1, 2
    ) m USING (topic, hour)
    WHERE (coalesce(h.documents, 0), coalesce(h.negative_stories, 0))
          <> (coalesce(m.documents, 0), coalesce(m.negative_stories, 0))
    ORDER BY topic, hour
    """
)
