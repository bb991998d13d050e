"""One batch of records from the log into the books, whatever is away.

The order of durable effects, and what a death in between costs:

1. rows, ledger and position in one PostgreSQL transaction   (before this: the batch is read again)
2. the hot windows in Redis                                  (before this: rebuilt at the next start)
3. the offsets in Kafka                                      (before this: nothing; the position counts, not they)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from psycopg import OperationalError as DriverError
from sqlalchemy.exc import OperationalError

from storage.ingest import Ingest, Ingested, ReadTo
from storage.records import DeadLetter, Origin, ScoredDocument
from stream.backoff import persist, told
from stream.dead_records import Headers, letter_of
from stream.hot_mirror import HotMirror
from stream.metrics import BATCH_DOCUMENTS, COMMIT_LATENCY, INGESTED, RECORDS_IN, STAGE_SECONDS
from stream.scored_records import read_scored

__all__ = ["Bookkeeping", "LogRecord"]

_log = structlog.get_logger()


@dataclass(frozen=True)
class LogRecord:
    """A record of `documents.scored` or `documents.dead`. `at` is its timestamp, aware UTC."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    at: datetime

    @property
    def place(self) -> Origin:
        return Origin(topic=self.topic, partition=self.partition, offset=self.offset)


class Bookkeeping:
    """Books batches. It blocks: call it from a thread, one batch of a topic after the other.

    `clock`, where given, feeds the metric of arrival to commit.
    """

    def __init__(
        self, ingest: Ingest, mirror: HotMirror, stop: threading.Event, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._ingest = ingest
        self._mirror = mirror
        self._stop = stop
        self._clock = clock

    def scored(self, records: Sequence[LogRecord]) -> None:
        """Books records of `documents.scored`, in their order within each partition.

        Comes back when they are committed. Raises StoppedError when told to stop before that.
        """
        outcomes = [read_scored(one.place, one.key, one.value, one.headers, one.at) for one in records]
        documents = [one for one in outcomes if isinstance(one, ScoredDocument)]
        corrupt = [one for one in outcomes if isinstance(one, DeadLetter)]
        if corrupt:
            # Their own transaction first, without a position: the one that moves it comes last.
            _log.error("scored_records_corrupt", count=len(corrupt))
            self._commit(lambda: self._ingest.dead(corrupt, []))
        self._book(records, lambda: self._ingest.scored(documents, _read_to(records)))
        self._observe_latency(documents)

    def dead(self, records: Sequence[LogRecord]) -> None:
        """Books records of `documents.dead`, as `scored` does."""
        letters = [letter_of(one.place, one.key, one.value, one.headers, one.at) for one in records]
        self._book(records, lambda: self._ingest.dead(letters, _read_to(records)))

    def _book(self, records: Sequence[LogRecord], commit: Callable[[], Ingested]) -> None:
        with STAGE_SECONDS.labels("ingest").time():
            done = self._commit(commit)
        with STAGE_SECONDS.labels("hot_windows").time():
            self._mirror.set(done.trends)
        BATCH_DOCUMENTS.labels("windows").observe(len(records))
        RECORDS_IN.labels("windows", records[0].topic).inc(len(records))
        for outcome in ("fresh", "repeated", "redelivered", "dead"):
            INGESTED.labels(outcome).inc(getattr(done, outcome))

    def _commit(self, commit: Callable[[], Ingested]) -> Ingested:
        def attempt() -> Ingested:
            try:
                return commit()
            except (OperationalError, DriverError):
                raise
            except Exception as error:
                # A defect: it must neither end the loop nor skip the batch, and somebody must read of it.
                _log.error("ingest_failed", **told(error))
                raise

        return persist(attempt, service="database", absent=(Exception,), stop=self._stop)

    def _observe_latency(self, documents: Sequence[ScoredDocument]) -> None:
        if self._clock is not None:
            now = self._clock()
            for one in documents:
                COMMIT_LATENCY.observe(max((now - one.arrived_at).total_seconds(), 0.0))


def _read_to(records: Sequence[LogRecord]) -> list[ReadTo]:
    ends: dict[tuple[str, int], int] = {}
    for one in records:
        ends[one.topic, one.partition] = one.offset + 1
    return [ReadTo(topic=topic, partition=partition, next_offset=end) for (topic, partition), end in ends.items()]
