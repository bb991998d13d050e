"""One batch of records from the log into the books, whatever is away.

The order of durable effects, and what a death in between costs:

1. rows, ledger and position in one PostgreSQL transaction   (before this: the batch is read again)
2. the hot windows in Redis                                  (before this: rebuilt at the next start)
3. the offsets in Kafka                                      (before this: nothing; the position counts, not they)

2 runs beside 1 of the next batch, and 3 waits for neither: both only copy what 1 has settled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import structlog
from psycopg import OperationalError as DriverError
from sqlalchemy.exc import OperationalError

from storage.errors import PositionError
from storage.ingest import Ingest, Ingested, ReadTo
from storage.records import DeadLetter, Retraction, ScoredDocument
from storage.trend_rows import TrendRow
from stream.backoff import persist, told
from stream.dead_records import letter_of, plain_headers
from stream.hot_mirror import HotMirror
from stream.log_records import Entry, LogRecord, place_of, time_of
from stream.metrics import BATCH_DOCUMENTS, COMMIT_LATENCY, INGESTED, RECORDS_IN, STAGE_SECONDS
from stream.scored_records import read_scored

__all__ = ["Bookkeeping"]

_log = structlog.get_logger()

_OUTCOMES = ("fresh", "corrected", "retracted", "superseded", "repeated", "redelivered", "dead")


class Bookkeeping:
    """Reads records and books them. Both block: call them from threads, one batch of a topic after the other.

    While a batch is being set in Redis the next one may be booked. `clock` feeds the metric of arrival to commit.
    """

    def __init__(
        self, ingest: Ingest, mirror: HotMirror, stop: threading.Event, *, clock: Callable[[], datetime]
    ) -> None:
        self._ingest = ingest
        self._mirror = mirror
        self._stop = stop
        self._clock = clock
        self._showing: Future[None] | None = None
        self._shower = ThreadPoolExecutor(1, thread_name_prefix="hot-windows")

    def read_scored(self, records: Sequence[LogRecord]) -> list[Entry]:
        """What records of `documents.scored` say; changes nothing."""
        return [
            Entry(one.topic, one.partition, one.offset, read_scored(one))  # positional: this runs for every record
            for one in records
        ]

    def read_dead(self, records: Sequence[LogRecord]) -> list[Entry]:
        """What records of `documents.dead` say; changes nothing."""
        return [
            Entry(
                one.topic,
                one.partition,
                one.offset,
                letter_of(place_of(one), one.key, one.value, plain_headers(one.headers), time_of(one)),
            )
            for one in records
        ]

    def scored(self, entries: Sequence[Entry]) -> None:
        """Books records of `documents.scored`, in their order within each partition.

        Comes back when they are committed. Raises StoppedError when told to stop before that, PositionError when the
        books turn out to be older than what was read.
        """
        records = [one.outcome for one in entries if not isinstance(one.outcome, DeadLetter)]
        if len(records) < len(entries):
            # Their own transaction first, without a position: the one that moves it comes last.
            corrupt = [one.outcome for one in entries if isinstance(one.outcome, DeadLetter)]
            _log.error("scored_records_corrupt", count=len(corrupt))
            self._commit(lambda: self._ingest.dead(corrupt, []))
        self._book(entries, lambda: self._ingest.scored(records, _read_to(entries)))
        self._observe_latency(records)

    def dead(self, entries: Sequence[Entry]) -> None:
        """Books records of `documents.dead`, as `scored` does."""
        letters = [one.outcome for one in entries if isinstance(one.outcome, DeadLetter)]
        self._book(entries, lambda: self._ingest.dead(letters, _read_to(entries)))

    def finish(self) -> None:
        """Waits until what is booked is in Redis too. Nothing can be booked after it."""
        self._shower.shutdown(wait=True)

    def _book(self, entries: Sequence[Entry], commit: Callable[[], Ingested]) -> None:
        with STAGE_SECONDS.labels("ingest").time():
            done = self._commit(commit)
        if done.trends:
            self._show(done.trends)
        BATCH_DOCUMENTS.labels("windows").observe(len(entries))
        RECORDS_IN.labels("windows", entries[0].topic).inc(len(entries))
        for outcome in _OUTCOMES:
            INGESTED.labels(outcome).inc(getattr(done, outcome))

    def _show(self, rows: Sequence[TrendRow]) -> None:
        """Sets rows in Redis beside the next batch's transaction, and one batch's at a time."""
        if self._showing is not None:
            self._showing.result()
        self._showing = self._shower.submit(self._set, rows)

    def _set(self, rows: Sequence[TrendRow]) -> None:
        with STAGE_SECONDS.labels("hot_windows").time():
            self._mirror.set(rows)

    def _commit(self, commit: Callable[[], Ingested]) -> Ingested:
        def attempt() -> Ingested | PositionError:
            try:
                return commit()
            except (OperationalError, DriverError):
                raise
            except PositionError as error:
                return error  # trying again would not help: the caller reads again
            except Exception as error:
                # A defect: it must neither end the loop nor skip the batch, and somebody must read of it.
                _log.error("ingest_failed", **told(error))
                raise

        done = persist(attempt, service="database", absent=(Exception,), stop=self._stop)
        if isinstance(done, PositionError):
            raise done
        return done

    def _observe_latency(self, records: Sequence[ScoredDocument | Retraction]) -> None:
        now = self._clock()
        for one in records:
            COMMIT_LATENCY.observe(max((now - one.arrived_at).total_seconds(), 0.0))


def _read_to(entries: Sequence[Entry]) -> list[ReadTo]:
    begins: dict[tuple[str, int], int] = {}
    ends: dict[tuple[str, int], int] = {}
    for one in entries:
        begins.setdefault((one.topic, one.partition), one.offset)
        ends[one.topic, one.partition] = one.offset + 1
    return [ReadTo(*partition, next_offset=end, first_offset=begins[partition]) for partition, end in ends.items()]
