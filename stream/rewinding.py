"""Takes a consumer group back in the log: where each partition would go, and how far that is. It never goes forward.

Reading again is harmless: the ledger knows every record that has an outcome. Going forward would skip records, and
what the broker no longer keeps cannot be read again, so both are refused or said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from stream.errors import StreamError
from stream.topics import Ends

__all__ = [
    "Member",
    "Partition",
    "RewindError",
    "Step",
    "committed",
    "first_since",
    "members",
    "move_group",
    "plan",
    "refuse_skipping",
]

Partition = tuple[str, int]
"""A topic and the number of one of its partitions."""

_TIMEOUT_S = 15.0


class RewindError(StreamError):
    """A group that cannot be taken back: it is at work, or what was asked for would skip records."""


@dataclass(frozen=True)
class Member:
    """A consumer that works for a group now."""

    client: str
    host: str


@dataclass(frozen=True)
class Step:
    """Where a partition stands and where it goes. `asked` lies before `kept_from` where the broker keeps less."""

    topic: str
    partition: int
    stands: int
    goes: int
    asked: int
    kept_from: int

    @property
    def records(self) -> int:
        """How many offsets will be read again."""
        return self.stands - self.goes

    @property
    def gone(self) -> tuple[int, int] | None:
        """The first offset that was asked for and the first that is kept, where these differ."""
        return (self.asked, self.kept_from) if self.asked < self.kept_from else None


def plan(stands: Mapping[Partition, int], ends: Ends, asked: Mapping[Partition, int]) -> list[Step]:
    """A step for each partition that was asked for and has been read, by topic and number.

    `stands` is the next offset of each partition that was read, `ends` what the broker has of all of them. A partition
    that stands before what was asked stays. Raises RewindError for a partition that there is not.
    """
    if strange := sorted(set(asked) - set(ends)):
        named = ", ".join(f"{topic}/{partition}" for topic, partition in strange)
        raise RewindError(f"there is no partition {named}; there are {_listed(ends)}")
    return [
        Step(
            topic,
            partition,
            stands=stands[topic, partition],
            goes=min(stands[topic, partition], max(offset, ends[topic, partition][0])),
            asked=offset,
            kept_from=ends[topic, partition][0],
        )
        for (topic, partition), offset in sorted(asked.items())
        if (topic, partition) in stands
    ]


def refuse_skipping(stands: Mapping[Partition, int], asked: Mapping[Partition, int]) -> None:
    """Raises RewindError where an offset lies ahead of where its partition stands: what is between would be lost."""
    ahead = [
        f"{topic}/{partition} stands at {stands.get((topic, partition), 0)}, and {offset} was asked for"
        for (topic, partition), offset in sorted(asked.items())
        if offset > stands.get((topic, partition), 0)
    ]
    if ahead:
        raise RewindError(f"{'; '.join(ahead)}: that would skip records that were never read. Give an offset before.")


def first_since(bootstrap: str, partitions: Iterable[Partition], moment: datetime) -> dict[Partition, int]:
    """For each partition, the first record that the broker keeps of `moment` or later; its end where there is none.

    Raises KafkaException when the broker does not answer.
    """
    at = int(moment.timestamp() * 1000)
    consumer = Consumer({**_quiet(bootstrap), "group.id": "yuqing-offsets", "enable.auto.commit": False})
    try:
        wanted = [TopicPartition(topic, partition, at) for topic, partition in partitions]
        found = consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S) if wanted else []
        return {
            (one.topic, one.partition): one.offset
            if one.offset >= 0
            else consumer.get_watermark_offsets(one, timeout=_TIMEOUT_S)[1]
            for one in found
        }
    finally:
        consumer.close()


def members(bootstrap: str, group: str) -> list[Member]:
    """Who works for the group now; nobody where it does not exist. Raises KafkaException."""
    admin = AdminClient(_quiet(bootstrap))
    described = admin.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group].result()
    return [Member(one.client_id, one.host.lstrip("/")) for one in described.members]


def committed(bootstrap: str, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The offsets that the group goes on with, of those partitions that it has committed. Raises KafkaException."""
    admin = AdminClient(_quiet(bootstrap))
    places = [TopicPartition(*one) for one in partitions]
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)], request_timeout=_TIMEOUT_S)
    found = asked[group].result().topic_partitions
    return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}


def move_group(bootstrap: str, group: str, steps: Sequence[Step]) -> None:
    """Commits these places for the group. Raises RewindError where the broker refuses: always while it has members."""
    admin = AdminClient(_quiet(bootstrap))
    places = [TopicPartition(step.topic, step.partition, step.goes) for step in steps]
    try:
        moved = admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, places)], request_timeout=_TIMEOUT_S
        )
        refused = [one for one in moved[group].result().topic_partitions if one.error is not None]
    except KafkaException as error:
        raise RewindError(f"the broker does not let {group} be taken back: {error.args[0].str()}") from error
    if refused:
        raise RewindError(f"the broker does not let {group} be taken back: {refused[0].error}")


def _quiet(bootstrap: str) -> dict[str, Any]:
    return {"bootstrap.servers": bootstrap, "log_level": 0}


def _listed(ends: Ends) -> str:
    counts: dict[str, list[int]] = {}
    for topic, partition in sorted(ends):
        counts.setdefault(topic, []).append(partition)
    return ", ".join(f"{topic}/{numbers[0]}-{numbers[-1]}" for topic, numbers in counts.items())
