"""Looks for raw records that left the broker before they had an outcome, and says so: log, metric and a durable row.

A scorer that finds nothing at its offset goes on with what is there, and one whose group has no offset begins with
the first record; so neither could tell. The ledger can: it knows every offset that ever had an outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine

from storage import audit_checks, losses
from storage.losses import Loss
from stream.metrics import LOST
from stream.topics import Ends, Topics, spans

__all__ = ["LossWatch"]

_log = structlog.get_logger()


class LossWatch:
    """Call `look` now and then, from any number of processes: each loss is noted once."""

    def __init__(self, bootstrap: str, engine: Engine, topics: Topics, clock: Callable[[], datetime]) -> None:
        self._bootstrap = bootstrap
        self._engine = engine
        self._topics = topics
        self._clock = clock
        self._on_their_way: Ends = {}

    def look(self) -> list[Loss]:
        """Notes what was lost since the last call and returns it.

        An outcome may still be on its way to the books, so nothing is noted before the windows stage has read up to
        where the outcomes ended when the loss was first seen. Raises TopicsError or OperationalError where broker or
        database do not answer.
        """
        raw = spans(self._bootstrap, *self._topics.incoming)
        with self._engine.begin() as connection:
            new: list[Loss] = []
            if losses.lost(connection, raw) and self._settled(connection):
                new = losses.record(connection, losses.lost(connection, raw), now=self._clock())
            known = losses.lost(connection, {})
        for topic in self._topics.names():
            LOST.labels(topic).set(sum(one.records for one in known if one.topic == topic))
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

    def _settled(self, connection: Connection) -> bool:
        if not self._on_their_way:
            self._on_their_way = spans(self._bootstrap, self._topics.scored, self._topics.dead)
        settled = not audit_checks.positions(connection, self._on_their_way)
        if settled:
            self._on_their_way = {}
        return settled

    def _compare_logs(self) -> None:
        """An incoming topic that was emptied and began anew would have its records taken for those of before."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql("SELECT count(*) FROM ledger")  # the snapshot, before the broker is asked
            ends = spans(self._bootstrap, *self._topics.incoming)
            for line in audit_checks.invented_outcomes(connection, ends):
                _log.error("log_is_another", what=line, fix="give the topics a new prefix, or use an empty database")
