"""The audit's questions about re-scoring: every version's differences are counted again from its documents.

Answers are as those of `audit_checks`.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from storage.audit_checks import listed
from storage.trend_sums import Sums

__all__ = ["documents", "sums"]


def documents(connection: Connection) -> list[str]:
    """Each re-scored document was once stored as it is named, and companies and model are not its own inventions."""
    return listed(
        f"document {document_id} as {version} from {topic}/{partition} offset {offset}: re-scored, but {why}"
        for document_id, version, topic, partition, offset, why in connection.execute(_DOCUMENTS)
    )


def sums(connection: Connection) -> list[str]:
    """What each version changes equals what its documents that count add, less what they had added when they came."""
    lines = []
    for row in connection.execute(_CHANGES).mappings():
        name = (
            f"re-scored as {row['rescored_as']}, trend {row['entity_id']} / {row['topic']} / "
            f"{row['bucket']:%Y-%m-%dT%H:%MZ} / {row['model_version']}"
        )
        differing = [one for one in Sums._fields if row[f"stored_{one}"] != row[f"counted_{one}"]]
        lines += [f"{name}: {one} by {row[f'stored_{one}']}, recounted {row[f'counted_{one}']}" for one in differing]
    return listed(lines)


# Every version of a document that counts or did, as it was first scored, with the companies it names; without mentions
# of documents that nobody has scored again.
_FIRSTS = """
    firsts AS (
        SELECT d.raw_topic, d.raw_partition, d.raw_offset, d.document_id, d.published_at, d.model_version, d.novelty,
               d.sentiment, d.score_micro, d.topics, true AS counts
        FROM documents d
        UNION ALL
        SELECT w.raw_topic, w.raw_partition, w.raw_offset, w.document_id, w.published_at, w.model_version, w.novelty,
               w.sentiment, w.score_micro, w.topics, false
        FROM withdrawn_documents w
    ),
    kept AS (
        SELECT * FROM rescored_documents
        WHERE published_at >= coalesce((SELECT kept_from FROM retention), '-infinity')
    )
"""

_DOCUMENTS = text(
    f"""
    WITH {_FIRSTS},
    named AS (
        SELECT document_id, published_at, array_agg(entity_id ORDER BY entity_id) AS companies
        FROM mentions
        WHERE EXISTS (SELECT FROM rescored_documents)
        GROUP BY 1, 2
    )
    SELECT r.document_id, r.version, r.raw_topic, r.raw_partition, r.raw_offset,
           CASE WHEN f.document_id IS NULL THEN 'no such document was stored'
                WHEN f.model_version = r.version THEN 'that version had scored it when it came'
                ELSE 'about other companies than it names' END
    FROM kept r
    LEFT JOIN firsts f USING (raw_topic, raw_partition, raw_offset, document_id, published_at)
    LEFT JOIN named n USING (document_id, published_at)
    WHERE f.document_id IS NULL OR f.model_version = r.version OR (f.counts AND coalesce(n.companies, '{{}}') <> ARRAY(
        SELECT m.entity_id FROM jsonb_to_recordset(r.mentions) AS m (entity_id text) ORDER BY 1))
    ORDER BY r.version, r.raw_topic, r.raw_partition, r.raw_offset
    """  # noqa: S608 - text of our own
)

_AMOUNTS = """
    sum(x.sign)::int AS documents,
    coalesce(sum(x.sign) FILTER (WHERE x.novelty = 'new'), 0)::int AS stories,
    coalesce(sum(x.sign) FILTER (WHERE x.sentiment = 'negative'), 0)::int AS negative,
    coalesce(sum(x.sign) FILTER (WHERE x.sentiment = 'neutral'), 0)::int AS neutral,
    coalesce(sum(x.sign) FILTER (WHERE x.sentiment = 'positive'), 0)::int AS positive,
    coalesce(sum(x.sign) FILTER (WHERE x.sentiment = 'negative' AND x.novelty = 'new'), 0)::int AS negative_stories,
    sum(x.sign * x.score_micro)::bigint AS score_micro
"""
_BOTH = ", ".join(
    f"coalesce(s.{one}, 0) AS stored_{one}, coalesce(c.{one}, 0) AS counted_{one}" for one in Sums._fields
)
_STORED, _COUNTED = (", ".join(f"coalesce({side}.{one}, 0)" for one in Sums._fields) for side in "sc")

_CHANGES = text(
    f"""
    WITH {_FIRSTS},
    parts AS (
        SELECT r.version AS rescored_as, r.version AS model_version, '*' AS entity_id, r.published_at, r.topics,
               f.novelty, r.sentiment, r.score_micro, 1 AS sign
        FROM kept r JOIN firsts f USING (raw_topic, raw_partition, raw_offset) WHERE f.counts
        UNION ALL
        SELECT r.version, r.version, m.entity_id, r.published_at, r.topics, f.novelty, m.sentiment, m.score_micro, 1
        FROM kept r JOIN firsts f USING (raw_topic, raw_partition, raw_offset)
        CROSS JOIN LATERAL jsonb_to_recordset(r.mentions) AS m (entity_id text, sentiment text, score_micro int)
        WHERE f.counts
        UNION ALL
        SELECT r.version, f.model_version, '*', f.published_at, f.topics, f.novelty, f.sentiment, f.score_micro, -1
        FROM kept r JOIN firsts f USING (raw_topic, raw_partition, raw_offset) WHERE f.counts
        UNION ALL
        SELECT r.version, f.model_version, m.entity_id, f.published_at, f.topics, f.novelty, m.sentiment,
               m.score_micro, -1
        FROM kept r JOIN firsts f USING (raw_topic, raw_partition, raw_offset)
        JOIN mentions m ON (m.document_id, m.published_at) = (f.document_id, f.published_at)
        WHERE f.counts
    ),
    c AS (
        SELECT x.rescored_as, x.entity_id, t.topic, date_bin('1 minute', x.published_at, '2000-01-01 00:00Z') AS bucket,
               x.model_version, {_AMOUNTS}
        FROM parts x CROSS JOIN LATERAL unnest(array_prepend('*', x.topics)) AS t (topic)
        GROUP BY 1, 2, 3, 4, 5
    ),
    s AS (
        SELECT * FROM rescored_counts
        WHERE bucket >= coalesce((SELECT kept_from FROM retention), '-infinity')
    )
    SELECT rescored_as, entity_id, topic, bucket, model_version, {_BOTH}
    FROM s FULL JOIN c USING (rescored_as, entity_id, topic, bucket, model_version)
    WHERE ({_STORED}) IS DISTINCT FROM ({_COUNTED})
    ORDER BY rescored_as, entity_id, topic, bucket, model_version
    """  # noqa: S608 - names of our own columns
)
