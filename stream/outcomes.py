"""Every record read gets one outcome: a scored document, a takedown or a dead letter, in the partition it came from."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec.structs import replace

from storage.records import DeadLetter, Origin, Retraction, ScoredDocument
from stream.commits import InWork
from stream.dead_records import Headers, origin_headers, wire_headers
from stream.documents import encode
from stream.errors import DeadReason, StreamError
from stream.metrics import RECORDS_OUT
from stream.publisher import producer_settings
from stream.topics import Topics, partition_count

__all__ = ["OutcomeError", "Outcomes"]

_log = structlog.get_logger()

_COUNT_AGAIN_S = 1.0
"""How soon partitions are counted again where a raw topic seems to have more than the topics of outcomes."""

_ASK_S = 3.0

_CUT_BYTES = 1024 * 1024
"""What is kept of a record that the broker refuses to take back."""

_LARGEST_BYTES = 64 * 1024 * 1024
"""Half of the producer's queue. A raw record is larger than that only if it came in compressed."""


class OutcomeError(StreamError):
    """The broker refuses an outcome, and will refuse it again: the scorer cannot go on."""


class Outcomes:
    """Sends outcomes and tells `in_work` which are on disk. Safe between threads.

    Raises TopicsError when a topic is absent.
    """

    def __init__(self, bootstrap: str, topics: Topics, in_work: InWork) -> None:
        self._topics = topics
        self._in_work = in_work
        self._partitions = {name: partition_count(bootstrap, name) for name in (topics.scored, topics.dead)}
        self._counted_at = time.monotonic()
        # The raw record was compressed on its way in, and may be larger than any limit on the wire now.
        self._producer = Producer({**producer_settings(bootstrap), "message.max.bytes": 1_000_000_000})
        self._refused: KafkaError | None = None

    def scored(self, document: ScoredDocument, key: bytes | None) -> None:
        """Queues a scored document. Blocks while the queue is full; raises OutcomeError."""
        origin = document.origin
        headers = origin_headers(origin, document.arrived_at)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self._done(origin, "scored")
            elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                self.dead(_too_large_to_score(document, key))
            else:
                self._refused = error

        self._send(self._topics.scored, origin, key, encode(document), headers, delivered)

    def retracted(self, takedown: Retraction, key: bytes | None) -> None:
        """Queues a takedown, which travels with the scored documents. Blocks and raises as `scored` does."""
        origin = takedown.origin

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self._done(origin, "retracted")
            else:
                self._refused = error

        headers = origin_headers(origin, takedown.arrived_at)
        self._send(self._topics.scored, origin, key, encode(takedown), headers, delivered)

    def dead(self, letter: DeadLetter) -> None:
        """Queues a dead letter. Blocks while the queue is full; raises OutcomeError."""
        if len(letter.value) > _LARGEST_BYTES:
            letter = _cut(letter)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self._done(letter.origin, letter.reason)
            elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE and len(letter.value) > _CUT_BYTES:
                self.dead(_cut(letter))
            else:
                self._refused = error

        self._send(self._topics.dead, letter.origin, letter.key, letter.value, wire_headers(letter), delivered)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Runs the callbacks of what was acknowledged; call it often. Raises OutcomeError."""
        self._producer.poll(timeout_s)
        if self._refused is not None:
            raise OutcomeError(f"the broker refuses an outcome: {self._refused.str()}")

    def flush(self, timeout_s: float) -> int:
        """Waits for acknowledgements; returns how many are missing after `timeout_s`."""
        return self._producer.flush(timeout_s)

    def _send(
        self,
        topic: str,
        origin: Origin,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        delivered: Callable[[KafkaError | None, Message], None],
    ) -> None:
        partition = origin.partition % self._known(topic, origin.partition)
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=delivered, headers=list(headers))
                return
            except BufferError:
                self.poll(0.1)

    def _known(self, topic: str, wanted: int) -> int:
        """How many partitions a topic has; counted again now and then while that is fewer than the raw topic's."""
        if wanted >= self._partitions[topic] and time.monotonic() > self._counted_at + _COUNT_AGAIN_S:
            with suppress(KafkaException):  # the broker is away: go on with what is known
                # Asked for by the producer, since it takes no record for a partition that it has not heard of itself.
                found = self._producer.list_topics(topic, timeout=_ASK_S).topics[topic].partitions
                self._partitions[topic] = max(len(found), self._partitions[topic])
            self._counted_at = time.monotonic()
        return self._partitions[topic]

    def _done(self, origin: Origin, reason: str) -> None:
        RECORDS_OUT.labels("scorer", reason).inc()
        self._in_work.done(origin.topic, origin.partition, origin.offset)


def _too_large_to_score(document: ScoredDocument, key: bytes | None) -> DeadLetter:
    return DeadLetter(
        origin=document.origin,
        reason=DeadReason.UNSCORABLE,
        detail="the scored document is larger than documents.scored takes; what is kept here is its scored form",
        key=key,
        value=encode(document),
        headers=(("yuqing-stage", b"scored"),),
        arrived_at=document.arrived_at,
    )


def _cut(letter: DeadLetter) -> DeadLetter:
    _log.warning("dead_letter_cut", partition=letter.origin.partition, offset=letter.origin.offset)
    detail = f"{letter.detail} (of {len(letter.value)} bytes the first {_CUT_BYTES} are kept)"
    return replace(letter, value=letter.value[:_CUT_BYTES], detail=detail)
