"""The topics of the log: their names, how they are made, and how far they reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tenacity import retry, retry_if_exception, stop_after_delay, wait_exponential_jitter

from stream.errors import StreamError

__all__ = [
    "LARGEST_DEAD_BYTES",
    "LARGEST_RAW_BYTES",
    "Ends",
    "Topics",
    "TopicsError",
    "ensure_topics",
    "first_offset_from",
    "offsets",
    "partition_count",
    "spans",
]

Ends = dict[tuple[str, int], tuple[int, int]]
"""For each topic and partition, its first offset and the offset that the next record will get."""

LARGEST_RAW_BYTES = 16 * 1024 * 1024
"""A record of documents.raw: a crawled page is a hundred times smaller, so what is larger is an accident."""

LARGEST_DEAD_BYTES = LARGEST_RAW_BYTES + 1024 * 1024
"""A dead record is the raw one plus the headers that say why."""

_TIMEOUT_S = 15.0
_PROBE_S = 3.0
"""How long one look whether the broker is there may take: whoever waits for it looks again."""


class TopicsError(StreamError):
    """A topic or its broker is absent or refuses. The message says which, where and what to do."""


@dataclass(frozen=True)
class Topics:
    """The topics of the pipeline."""

    raw: str = "documents.raw"
    backfill: str = "documents.backfill"
    """History, in the same form: scored while no raw document waits, and in an eighth of the passes while some do."""
    scored: str = "documents.scored"
    dead: str = "documents.dead"

    @classmethod
    def prefixed(cls, prefix: str) -> Topics:
        """The same topics under a prefix, so that installations or tests can share a broker."""
        return cls(
            raw=prefix + cls.raw,
            backfill=prefix + cls.backfill,
            scored=prefix + cls.scored,
            dead=prefix + cls.dead,
        )

    @property
    def incoming(self) -> tuple[str, str]:
        """The topics whose records must each get one outcome."""
        return (self.raw, self.backfill)

    def names(self) -> tuple[str, ...]:
        return (*self.incoming, self.scored, self.dead)


def ensure_topics(bootstrap: str, topics: Topics, *, partitions: int = 4, replication: int = 1) -> None:
    """Creates the topics that are absent and leaves the others as they are.

    Incoming topics are stamped by the broker, so that a crawler's clock cannot falsify arrival. Raises
    TopicsError when the broker refuses or does not answer within 15 s.
    """
    wanted = [
        NewTopic(
            name,
            num_partitions=partitions,
            replication_factor=replication,
            config={
                "max.message.bytes": str(LARGEST_RAW_BYTES if name in topics.incoming else LARGEST_DEAD_BYTES),
                "message.timestamp.type": "LogAppendTime" if name in topics.incoming else "CreateTime",
            },
        )
        for name in topics.names()
    ]
    admin = AdminClient(_quiet(bootstrap))
    created = admin.create_topics(wanted, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S)
    for name, outcome in created.items():
        try:
            outcome.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsError(f"cannot create topic {name} on {bootstrap}: {error}") from error


def partition_count(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has. Raises TopicsError when it or the broker is absent."""
    try:
        return len(_partitions(AdminClient(_quiet(bootstrap)), bootstrap, topic, timeout_s=_PROBE_S))
    except KafkaException as error:
        raise TopicsError(f"cannot reach the broker {bootstrap}: {error}") from error


def offsets(bootstrap: str, topic: str) -> dict[int, tuple[int, int]]:
    """For each partition, its first offset and the offset that the next record will get.

    Raises TopicsError when the topic or the broker is absent.
    """
    # It never subscribes, so it joins no group: the name is only there because the client insists on one.
    consumer = Consumer({**_quiet(bootstrap), "group.id": "yuqing-offsets", "enable.auto.commit": False})
    try:
        return {number: _ends(consumer, topic, number) for number in _partitions(consumer, bootstrap, topic)}
    except KafkaException as error:
        raise TopicsError(f"cannot read the offsets of {topic} on {bootstrap}: {error}") from error
    finally:
        consumer.close()


def spans(bootstrap: str, *topics: str) -> Ends:
    """What the broker has of several topics. Raises TopicsError as `offsets` does."""
    return {(topic, partition): ends for topic in topics for partition, ends in offsets(bootstrap, topic).items()}


def first_offset_from(bootstrap: str, topic: str, partition: int, offset: int) -> int:
    """The offset of the first record at or after `offset`, or the partition's end where there is none.

    It is larger than `offset` where the log itself has nothing there, because retention took it; smaller (the
    partition's first record) where the log ends before `offset`, which is then not the log that was read before.
    Raises TopicsError when the broker does not tell.
    """
    consumer = Consumer(
        {
            **_quiet(bootstrap),
            "group.id": "yuqing-offsets",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(_TIMEOUT_S)
        error = None if message is None else message.error()
        if message is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):
            raise TopicsError(f"{bootstrap} does not tell what is at {topic}/{partition} from {offset}: {error}")
        return int(message.offset() or 0)
    finally:
        consumer.close()


_LEADERLESS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def _passing(error: BaseException) -> bool:
    # A partition has no leader for some milliseconds after its topic was made, or after a broker went away.
    return isinstance(error, KafkaException) and error.args[0].code() in _LEADERLESS


@retry(
    retry=retry_if_exception(_passing),
    wait=wait_exponential_jitter(multiplier=0.05, max=1.0, jitter=0.05),
    stop=stop_after_delay(_TIMEOUT_S),
    reraise=True,
)
def _ends(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)


def _partitions(
    client: AdminClient | Consumer, bootstrap: str, topic: str, *, timeout_s: float = _TIMEOUT_S
) -> list[int]:
    found = client.list_topics(topic, timeout=timeout_s).topics[topic]
    if found.error is not None:
        raise TopicsError(f"topic {topic} is not on {bootstrap}: {found.error}. Starting Yuqing creates it.")
    return sorted(found.partitions)


def _quiet(bootstrap: str) -> dict[str, Any]:
    # librdkafka writes each failed connection to stderr; callers get one exception instead.
    return {"bootstrap.servers": bootstrap, "log_level": 0, "allow.auto.create.topics": False}
