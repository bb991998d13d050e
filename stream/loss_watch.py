"""Looks for raw records that left the broker before they had an outcome, and says so: log, metric and a durable row.

A scorer that finds nothing at its offset goes on with what is there, and one whose group has no offset begins with
the first record; so neither could tell. The ledger can: it knows every offset that ever had an outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine

from storage import audit_checks, losses
from storage.losses import Loss
from stream.metrics import LOST
from stream.topics import Topics, spans

__all__ = ["LossWatch"]

_log = structlog.get_logger()


class LossWatch:
    """Call `look` now and then, from any number of processes: each loss is noted once."""

    def __init__(self, bootstrap: str, engine: Engine, topics: Topics, clock: Callable[[], datetime]) -> None:
        self._bootstrap = bootstrap
        self._engine = engine
        self._topics = topics
        self._clock = clock

    def look(self) -> list[Loss]:
        """Notes what was lost since the last call and returns it.

        While the windows stage has something to read, an outcome may be on its way, so nothing is noted then. Raises
        TopicsError or OperationalError where broker or database do not answer.
        """
        raw = spans(self._bootstrap, *self._topics.incoming)
        read = spans(self._bootstrap, self._topics.scored, self._topics.dead)  # after the others: what they gave is in
        with self._engine.connect() as connection:
            settled = not audit_checks.positions(connection, read)
        with self._engine.begin() as connection:
            found = losses.lost(connection, raw)
            new = losses.record(connection, found, now=self._clock()) if settled else []
        for topic in self._topics.names():
            LOST.labels(topic).set(sum(one.records for one in found if one.topic == topic))
        for one in new:
            _log.error(
                "records_lost",
                topic=one.topic,
                partition=one.partition,
                first=one.first_offset,
                last=one.next_offset - 1,
                fix="see `yuqing losses`",
            )
        self._compare_logs()
        return new

    def _compare_logs(self) -> None:
        """An incoming topic that was emptied and began anew would have its records taken for those of before."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql("SELECT count(*) FROM ledger")  # the snapshot, before the broker is asked
            ends = spans(self._bootstrap, *self._topics.incoming)
            for line in audit_checks.invented_outcomes(connection, ends):
                _log.error("log_is_another", what=line, fix="give the topics a new prefix, or use an empty database")
