"""Puts documents on `documents.raw`, or `documents.backfill`: the one door through which every source publishes."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream.documents import RawDocument, document_id, encode
from stream.errors import StreamError
from stream.topics import LARGEST_DEAD_BYTES, Topics

__all__ = ["PublishError", "Publisher", "QueueFullError", "producer_settings"]

Acknowledged = Callable[[Exception | None], None]
"""Called once a document's fate is known: None when the broker has it on disk, else why not."""

_QUEUED_RECORDS = 20_000
_QUEUED_KIB = 128 * 1024
_LARGEST_REQUEST_BYTES = LARGEST_DEAD_BYTES + 1024 * 1024


class PublishError(StreamError):
    """The broker will not take this record, whenever it is sent: it is too large, or the topic is wrong."""


class QueueFullError(PublishError):
    """The broker is away and the queue is full: keep the document and try again later."""


def producer_settings(bootstrap: str, *, linger_ms: int = 5) -> dict[str, Any]:
    """What every producer of this room has in common: nothing acknowledged is lost, doubled or reordered."""
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,  # implies acks=all and at most five requests in flight
        "compression.type": "lz4",
        "linger.ms": linger_ms,
        "batch.size": 64 * 1024,  # a consumer fetches whole batches: see stream/raw_reader.py
        "message.max.bytes": _LARGEST_REQUEST_BYTES,
        "queue.buffering.max.messages": _QUEUED_RECORDS,
        "queue.buffering.max.kbytes": _QUEUED_KIB,
        "message.timeout.ms": 0,  # for ever: a queued record outlives any absence of the broker
        "partitioner": "murmur2_random",  # as the Java client does, so that one key means one partition for all
        "log_level": 0,  # librdkafka would repeat every failed connection on stderr
    }


class Publisher:
    """An idempotent producer. Safe to share between threads. Use as a context manager, or call `flush`.

    `backfill` publishes history in the slow lane, where it holds up no live document. `linger_ms` is how long a record
    may wait for company: 5 suits a bulk replay and nobody notices it. `patience_s` is how long `publish` blocks on a
    full queue before it raises QueueFullError, so that a source can look whether it should stop.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        *,
        backfill: bool = False,
        linger_ms: int = 5,
        patience_s: float = 10.0,
    ) -> None:
        self._topic = topics.backfill if backfill else topics.raw
        self._patience_s = patience_s
        self._producer = Producer(producer_settings(bootstrap, linger_ms=linger_ms))

    def publish(self, document: RawDocument, *, on_ack: Acknowledged | None = None) -> None:
        """Queues a document; see `publish_record`. Its key is its id, so that one item stays in one partition."""
        self.publish_record(str(document_id(document)).encode(), encode(document), on_ack=on_ack)

    def publish_record(
        self,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: tuple[tuple[str, bytes], ...] = (),
        on_ack: Acknowledged | None = None,
    ) -> None:
        """Queues bytes as they are and returns at once.

        While the queue (20,000 records, 128 MiB) is full it blocks, so a source reads no faster than the broker
        takes. `on_ack` is called from inside a later `publish`, `poll` or `flush`. Raises QueueFullError when
        the queue stays full (the record was not queued), PublishError when the record is too large.
        """

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if on_ack is not None:
                on_ack(None if error is None else PublishError(f"{self._topic}: {error.str()}"))

        give_up = time.monotonic() + self._patience_s
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=delivered, headers=list(headers))
                break
            except BufferError as error:
                if time.monotonic() > give_up:
                    raise QueueFullError(f"{self._topic}: the broker takes no records and the queue is full") from error
                self._producer.poll(0.1)
            except KafkaException as error:
                raise PublishError(f"{self._topic}: {error.args[0].str()}") from error
        self._producer.poll(0)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Runs the callbacks that are due; call it now and then while there is nothing to publish."""
        self._producer.poll(timeout_s)

    def flush(self, timeout_s: float = 30.0) -> int:
        """Waits until every document's fate is known. Returns how many are still unknown after `timeout_s`."""
        return self._producer.flush(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
