"""The full-text index, made apart from ingest: ingest leaves ids in `search_queue`, this turns them into terms.

Making terms of a document takes PostgreSQL more than booking it (decision 0024), so it waits its turn: what is
stored can be searched some seconds later. A batch is one transaction: ids leave the queue, terms enter the index.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from storage.partitions import ensure_days
from storage.search_terms import CONFIGURATION, MOST_INDEXED, indexed

__all__ = ["TERMS", "index_waiting", "waiting"]

TERMS = "document_terms"

# No order and no index: the queue is a heap that is filled at one end and emptied at the other.
_CLAIM = text(
    """
    DELETE FROM search_queue
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM search_queue LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING document_id, published_at
    """
)

# Locked until the terms are written: a document that is taken down meanwhile must not leave its words behind.
_TEXTS = text(
    f"""
    SELECT d.document_id, d.published_at, d.title, left(d.body, {MOST_INDEXED}) AS body
    FROM documents d
    WHERE d.document_id = ANY(:ids) AND d.published_at >= :since AND d.published_at < :until
    FOR KEY SHARE
    """  # noqa: S608 - a number of our own
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)

_INSERT = text(
    f"""
    INSERT INTO {TERMS} (document_id, published_at, terms)
    SELECT i.document_id, i.published_at, to_tsvector('{CONFIGURATION}', i.text)
    FROM unnest(:ids, :times, :texts) AS i (document_id, published_at, text)
    ON CONFLICT (document_id, published_at) DO UPDATE SET terms = excluded.terms
    """  # noqa: S608 - names of our own
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("times", type_=ARRAY(DateTime(timezone=True))),
    bindparam("texts", type_=ARRAY(Text)),
)


def index_waiting(engine: Engine, *, at_once: int = 500, most: int = 5_000) -> int:
    """Makes up to `most` waiting documents searchable, `at_once` in a transaction; returns how many left the queue.

    Several processes may do this at once. A document that retention has dropped meanwhile only leaves the queue.
    """
    done = 0
    while done < most:
        with engine.begin() as connection:
            claimed = _index(connection, min(at_once, most - done))
        done += claimed
        if claimed < at_once:
            break
    return done


def waiting(connection: Connection) -> int:
    """How many documents cannot be found yet."""
    count: int = connection.exec_driver_sql("SELECT count(*) FROM search_queue").scalar_one()
    return count


def _index(connection: Connection, most: int) -> int:
    by_day: dict[date, list[UUID]] = {}
    claimed = connection.execute(_CLAIM, {"most": most}).all()
    for document_id, published_at in claimed:
        by_day.setdefault(published_at.astimezone(UTC).date(), []).append(document_id)
    ensure_days(connection, by_day, tables=(TERMS,))
    for day, ids in by_day.items():  # a day at a time, so that one partition is looked at
        since = datetime.combine(day, time.min, UTC)
        found = connection.execute(_TEXTS, {"ids": ids, "since": since, "until": since + timedelta(days=1)}).all()
        rows = {
            "ids": [row.document_id for row in found],
            "times": [row.published_at for row in found],
            "texts": [indexed(row.title, row.body) for row in found],
        }
        connection.execute(_INSERT, rows)
    return len(claimed)
