"""Books documents in the shape of the first revision, in plain SQL: what a worker of that day does that still runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from book_records import NOON, RAW, SCORED, a_document, a_mention

from storage.records import ScoredDocument
from storage.trend_sums import add_up

__all__ = ["OldWriter"]


class OldWriter:
    """One worker on raw partition 0. `documents` is what it has booked, in order of offsets."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        self.documents: list[ScoredDocument] = []

    def book(self, count: int) -> None:
        """So many documents, a transaction each."""
        with psycopg.connect(self._url) as session:
            for _ in range(count):
                self._one(session)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Books one document after the other until the context is left; what fails is raised here."""
        stop = threading.Event()
        failures: list[Exception] = []

        def work() -> None:
            try:
                while not stop.is_set():
                    self.book(1)
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)
            if failures:
                raise failures[0]

    def _one(self, session: psycopg.Connection[Any]) -> None:
        number = len(self.documents)
        document = a_document(
            f"old {number}",
            number,
            minute=number % 50,
            sentiment=("negative", "neutral", "positive")[number % 3],
            mentions=(a_mention("acme"), a_mention("zeta", "positive", 9))[: number % 3],
            topics=("legal",)[: number % 2],
        )
        with session.transaction():
            for statement in _ROOMS if number == 0 else ():
                session.execute(statement)
            self._write(session, document)
        self.documents.append(document)

    def _write(self, session: psycopg.Connection[Any], document: ScoredDocument) -> None:
        offset = document.origin.offset
        session.execute(_LEDGER_ROW, (RAW,))
        session.execute("SELECT FROM ledger WHERE (topic, partition) = (%s, 0) FOR UPDATE", (RAW,))
        session.execute(_KEY, (document.document_id, document.published_at))
        session.execute(_DOCUMENT, _columns(document))
        for one in document.mentions:
            row = (
                document.document_id,
                document.published_at,
                one.entity_id,
                one.surface,
                one.sentiment,
                one.score_micro,
            )
            session.execute(_MENTION, row)
        for key, sums in add_up([document]):
            session.execute(_TREND, (*key, *sums, NOON))
            if key.topic == "*":
                session.execute(_CHANGED, (key.entity_id, key.bucket))
        session.execute(_ACCOUNT, (offset, offset + 1, RAW))
        session.execute(_POSITION, (SCORED, offset + 1, document.published_at, NOON))
        session.execute("UPDATE finality SET final_until = %s", (NOON - timedelta(hours=1),))
        session.execute("SELECT pg_notify('yuqing_trends', '')")


def _columns(document: ScoredDocument) -> dict[str, Any]:
    named = {name: getattr(document, name) for name in _DOCUMENT_COLUMNS[:-3]}
    return named | {
        "topics": list(document.topics),
        "flags": list(document.flags),
        "raw_topic": document.origin.topic,
        "raw_partition": document.origin.partition,
        "raw_offset": document.origin.offset,
    }


_ROOMS = [
    f"CREATE TABLE {table}_{NOON:%Y%m%d} PARTITION OF {table} "
    f"FOR VALUES FROM ('{NOON:%Y-%m-%d} 00:00Z') TO ('{NOON + timedelta(days=1):%Y-%m-%d} 00:00Z')"
    for table in ("documents", "mentions")
]
_LEDGER_ROW = "INSERT INTO ledger (topic, partition, accounted) VALUES (%s, 0, '{}') ON CONFLICT DO NOTHING"
_KEY = "INSERT INTO document_keys (document_id, published_at) VALUES (%s, %s)"
_DOCUMENT_COLUMNS = (
    *("document_id", "published_at", "arrived_at", "source", "url", "title", "body", "language", "story_id", "novelty"),
    *("sentiment", "negative", "neutral", "positive", "score_micro", "topics", "flags", "model_version"),
    *("raw_topic", "raw_partition", "raw_offset"),
)
_DOCUMENT = (
    f"INSERT INTO documents ({', '.join(_DOCUMENT_COLUMNS)}) "
    f"VALUES ({', '.join(f'%({name})s' for name in _DOCUMENT_COLUMNS)})"
)
_MENTION = (
    "INSERT INTO mentions (document_id, published_at, entity_id, surface, sentiment, score_micro) "
    "VALUES (%s, %s, %s, %s, %s, %s)"
)
_TREND = """
INSERT INTO trend_counts AS held (
    entity_id, topic, bucket, model_version,
    documents, stories, negative, neutral, positive, negative_stories, score_micro,
    revision, revised_at, revised_after_final
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, false)
ON CONFLICT (entity_id, topic, bucket, model_version) DO UPDATE SET
    documents = held.documents + excluded.documents, stories = held.stories + excluded.stories,
    negative = held.negative + excluded.negative, neutral = held.neutral + excluded.neutral,
    positive = held.positive + excluded.positive,
    negative_stories = held.negative_stories + excluded.negative_stories,
    score_micro = held.score_micro + excluded.score_micro, revision = held.revision + 1
"""
_CHANGED = """
INSERT INTO changed_buckets AS held (entity_id, bucket) VALUES (%s, %s)
ON CONFLICT (entity_id, bucket) DO UPDATE SET touched = held.touched + 1
"""
_ACCOUNT = (
    "UPDATE ledger SET accounted = accounted + int8multirange(int8range(%s, %s)), stored = stored + 1 "
    "WHERE (topic, partition) = (%s, 0)"
)
_POSITION = """
INSERT INTO positions AS held (topic, partition, next_offset, event_time, updated_at) VALUES (%s, 0, %s, %s, %s)
ON CONFLICT (topic, partition) DO UPDATE SET
    next_offset = greatest(held.next_offset, excluded.next_offset),
    event_time = greatest(held.event_time, excluded.event_time)
"""
