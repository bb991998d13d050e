"""Reads `documents.raw` as a member of the scorers' group, and commits only what is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.commits import InWork
from stream.dead_records import plain_headers
from stream.intake import RawRecord
from stream.metrics import LAG, RECORDS_IN

__all__ = ["RawReader"]

_log = structlog.get_logger()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMMIT_EVERY_S = 1.0
_FETCH_BYTES = 64 * 1024
_HAND_OVER_S = 20.0
"""How long a partition that we must give up waits for its documents in work: well below the broker's patience."""


class RawReader:
    """One consumer. All methods are for one thread, the one that reads.

    `settle` is called again and again while a partition is handed over: it must let acknowledgements in.
    """

    def __init__(self, bootstrap: str, topic: str, group: str, in_work: InWork, *, settle: Callable[[], None]) -> None:
        self._in_work = in_work
        self._settle = settle
        self._ours: set[tuple[str, int]] = set()
        self._committed: dict[tuple[str, int], int] = {}
        self._next_commit = 0.0
        self._broker_away = False
        self._closing = False
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                # A fetch is handed out partition by partition. Small ones keep a backlog's partitions side by side in
                # event time; large ones would let the last partition look idle while the first is read for minutes.
                "max.partition.fetch.bytes": _FETCH_BYTES,
                "queued.max.messages.kbytes": 1024,
                "allow.auto.create.topics": False,
                "on_commit": self._on_commit,
                "error_cb": self._on_error,
                "log_level": 0,
            }
        )
        self._consumer.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def read(self, at_once: int, timeout_s: float) -> list[RawRecord]:
        """The next records, at most `at_once`: waits for a first one, then takes what else is there already."""
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        records = []
        for message in [first, *self._consumer.consume(at_once - 1, timeout=0)]:
            error = message.error()
            if error is not None:
                _log.warning("read_failed", error=error.name())
            elif (message.topic(), message.partition()) in self._ours:
                records.append(_record(message))
        for record in records:
            self._in_work.began(record.topic, record.partition, record.offset)
            RECORDS_IN.labels("scorer", record.topic).inc()
        if records and self._broker_away:
            self._broker_away = False
            _log.info("broker_reachable")
        return records

    def commit_now_and_then(self) -> None:
        """Commits what is done, once a second at most, without waiting for the answer."""
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + _COMMIT_EVERY_S
            self._commit(self._moved(), wait=False)
            self._observe_lag()

    def close(self) -> None:
        """Commits what is done and leaves the group. What is still in work is read again, by whoever is next."""
        self._closing = True
        self._commit(self._moved(), wait=True)
        self._consumer.close()

    def _moved(self) -> dict[tuple[str, int], int]:
        safe = self._in_work.committable()
        return {one: offset for one, offset in safe.items() if one in self._ours and self._committed.get(one) != offset}

    def _commit(self, offsets: dict[tuple[str, int], int], *, wait: bool) -> None:
        if not offsets:
            return
        wanted = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        try:
            if wait:
                self._on_commit(None, self._consumer.commit(offsets=wanted, asynchronous=False) or [])
            else:
                self._consumer.commit(offsets=wanted, asynchronous=True)
        except KafkaException as error:
            # Not committed means read again: the ledger ignores what it knows.
            _log.info("commit_failed", error=error.args[0].name())

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is None:
            self._committed.update({(one.topic, one.partition): one.offset for one in partitions if one.error is None})

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._ours.update((one.topic, one.partition) for one in partitions)
        _log.info("partitions_assigned", partitions=sorted(one.partition for one in partitions))

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        leaving = {(one.topic, one.partition) for one in partitions}
        give_up = time.monotonic() + _HAND_OVER_S
        while not (self._closing or self._in_work.wait_finished(leaving, 0.02)) and time.monotonic() < give_up:
            self._settle()
        self._commit({one: offset for one, offset in self._moved().items() if one in leaving}, wait=True)
        self._forget(leaving)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget({(one.topic, one.partition) for one in partitions})

    def _forget(self, leaving: set[tuple[str, int]]) -> None:
        # From here on these are another worker's: committing for it could pass over what it has in work.
        self._ours -= leaving
        self._in_work.forget(leaving)
        for topic, partition in leaving:
            self._committed.pop((topic, partition), None)
            LAG.labels("scorer", topic, str(partition)).set(0)
        _log.info("partitions_revoked", partitions=sorted(partition for _, partition in leaving))

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not self._broker_away:
            self._broker_away = True
            _log.warning("broker_unreachable", error=error.name())

    def _observe_lag(self) -> None:
        for (topic, partition), offset in self._in_work.committable().items():
            ends = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            if ends is not None and ends[1] >= 0:
                LAG.labels("scorer", topic, str(partition)).set(max(ends[1] - offset, 0))


def _record(message: Message) -> RawRecord:
    return RawRecord(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        key=message.key(),
        value=message.value(),
        headers=plain_headers(message.headers()),
        arrived_at=_EPOCH + timedelta(milliseconds=message.timestamp()[1]),
    )
