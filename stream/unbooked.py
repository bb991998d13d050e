"""Reads what `documents.scored` holds that is not in the books yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from storage.records import ScoredDocument
from stream.documents import decode_scored
from stream.topics import TopicsError, offsets

__all__ = ["unbooked"]

_AT_ONCE = 500
_SILENCE_S = 10.0


def unbooked(bootstrap: str, topic: str, booked: Mapping[int, int]) -> Iterator[list[ScoredDocument]]:
    """Scored documents from `booked` on (of each partition its first offset that is not; absent: 0) to the end of now.

    In lists of up to 500, ascending within a partition; what is no scored document is left out. Raises TopicsError
    where the broker does not answer.
    """
    ends: dict[int, int] = {}
    starts = []
    for partition, (first, end) in offsets(bootstrap, topic).items():
        start = max(booked.get(partition, 0), first)
        if start < end:
            ends[partition] = end
            starts.append(TopicPartition(topic, partition, start))
    # It never subscribes, so it joins no group: the name is only there because the client insists on one.
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "yuqing-unbooked", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        consumer.assign(starts)
        while ends:
            messages = consumer.consume(_AT_ONCE, timeout=_SILENCE_S)
            if not messages or any(message.error() for message in messages):
                raise TopicsError(f"{bootstrap} does not tell what {topic} holds")
            for message in messages:
                partition = int(message.partition() or 0)
                if int(message.offset() or 0) + 1 >= ends.get(partition, 0):
                    ends.pop(partition, None)
            yield [document for message in messages if (document := _document(message)) is not None]
    except KafkaException as error:
        raise TopicsError(f"cannot read {topic} on {bootstrap}: {error}") from error
    finally:
        consumer.close()


def _document(message: Message) -> ScoredDocument | None:
    try:
        found = decode_scored(message.value() or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the windows stage makes a dead letter of it
    return found if isinstance(found, ScoredDocument) else None
