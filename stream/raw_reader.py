"""Reads incoming documents as a member of the scorers' group, no faster than they are done, and commits what is done.

Back-pressure: a topic of which enough is in work is paused, while the consumer is polled on and so stays in its group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.commits import InWork
from stream.dead_records import plain_headers
from stream.intake import RawRecord
from stream.metrics import LAG, PAUSED, RECORDS_IN

__all__ = ["RawReader"]

_log = structlog.get_logger()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMMIT_EVERY_S = 1.0
_LOOK_AGAIN_S = 0.01
"""How soon a paused topic is looked at again."""
_FETCH_BYTES = 64 * 1024
_MOST_BYTES = 256 * 1024 * 1024
"""Of one topic in work, whatever their number."""

_HAND_OVER_S = 20.0
"""How long a partition that we must give up waits for its documents in work: well below the broker's patience."""


class RawReader:
    """One consumer. All methods are for one thread, the one that reads.

    `most` says for each topic how many of its records may be in work: then it is paused, until half of them are done.
    `settle` is called again and again while a partition is handed over: it must let acknowledgements in.
    """

    def __init__(
        self, bootstrap: str, most: Mapping[str, int], group: str, in_work: InWork, *, settle: Callable[[], None]
    ) -> None:
        self._in_work = in_work
        self._most = most
        self._held: set[str] = set()
        self._paused: set[tuple[str, int]] = set()
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
                # The broker's own choice, uniform, deals out partitions whatever their topic: of two scorers one may
                # get every partition of the live topic, the other those of the backfill. This one shares each topic.
                "group.remote.assignor": "range",
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
        self._consumer.subscribe(
            list(most), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def read(self, at_once: int, timeout_s: float) -> list[RawRecord]:
        """The next records, at most `at_once`: waits for a first one, then takes what else is there already."""
        self._balance()
        first = self._consumer.poll(_LOOK_AGAIN_S if self._held else timeout_s)
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
            self._in_work.began(record.topic, record.partition, record.offset, len(record.value or b""))
            RECORDS_IN.labels("scorer", record.topic).inc()
        if records and self._broker_away:
            self._broker_away = False
            _log.info("broker_reachable")
        return records

    def _balance(self) -> None:
        """Pauses the topics of which enough is in work, and goes on with those of which half is done."""
        for topic, most in self._most.items():
            records, size = self._in_work.load(topic)
            if records >= most or size >= _MOST_BYTES:
                self._held.add(topic)
            elif records <= most / 2 and size <= _MOST_BYTES / 2:
                self._held.discard(topic)
            PAUSED.labels("scorer", topic).set(topic in self._held)
        wanted = {one for one in self._ours if one[0] in self._held}
        if wanted != self._paused:
            self._consumer.pause([TopicPartition(*one) for one in wanted - self._paused])
            self._consumer.resume([TopicPartition(*one) for one in (self._paused - wanted) & self._ours])
            self._paused = wanted

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
        # The client keeps a pause for whenever a partition comes back to us, and then nobody would end it.
        if held := leaving & self._paused:
            self._consumer.resume([TopicPartition(*one) for one in held])
        # From here on these are another worker's: committing for it could pass over what it has in work.
        self._ours -= leaving
        self._paused -= leaving
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
