"""Topics and the publisher on the real broker."""

from __future__ import annotations

import os

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from pipeline import stories

from stream.documents import document_id
from stream.publisher import Publisher, PublishError, QueueFullError
from stream.topics import LARGEST_RAW_BYTES, Topics, TopicsError, ensure_topics, first_offset_from, offsets

NOWHERE = "127.0.0.1:1"


def total(bootstrap: str, topic: str) -> int:
    return sum(end - begin for begin, end in offsets(bootstrap, topic).values())


def test_topics_are_made_once_and_stamp_arrival(bootstrap: str, topics: Topics) -> None:
    ensure_topics(bootstrap, topics, partitions=9)
    assert offsets(bootstrap, topics.raw) == dict.fromkeys(range(4), (0, 0))
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (told,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topics.raw)]).values()
    assert told.result(30)["message.timestamp.type"].value == "LogAppendTime"
    assert told.result(30)["max.message.bytes"].value == str(LARGEST_RAW_BYTES)


def test_a_topic_that_is_absent_is_named(bootstrap: str) -> None:
    with pytest.raises(TopicsError, match=r"no\.such"):
        offsets(bootstrap, "no.such")


def test_the_same_item_goes_to_the_same_partition(bootstrap: str, topics: Topics) -> None:
    (story,) = stories(1)
    fates: list[Exception | None] = []
    with Publisher(bootstrap, topics) as publisher:
        for _ in range(5):
            publisher.publish(story, on_ack=fates.append)
        publisher.poll()
    assert fates == [None] * 5
    assert sorted(end for _, end in offsets(bootstrap, topics.raw).values()) == [0, 0, 0, 5]
    assert document_id(story)


def test_the_first_offset_tells_what_the_log_has(bootstrap: str, topics: Topics) -> None:
    with Publisher(bootstrap, topics) as publisher:
        publisher.publish(stories(1)[0])
    (number,) = (number for number, (_, end) in offsets(bootstrap, topics.raw).items() if end)
    assert first_offset_from(bootstrap, topics.raw, number, 0) == 0
    assert first_offset_from(bootstrap, topics.raw, number, 1) == 1
    assert first_offset_from(bootstrap, topics.raw, number, 900) < 900


@pytest.mark.parametrize(
    "size", [LARGEST_RAW_BYTES + 100, 2 * LARGEST_RAW_BYTES], ids=["refused by the broker", "refused at once"]
)
def test_a_record_that_is_too_large_is_refused(bootstrap: str, topics: Topics, size: int) -> None:
    fates: list[Exception | None] = []
    with Publisher(bootstrap, topics) as publisher:
        try:
            publisher.publish_record(None, os.urandom(size), on_ack=fates.append)
            assert publisher.flush() == 0
        except PublishError as error:
            fates.append(error)
    assert [type(fate) for fate in fates] == [PublishError]
    assert total(bootstrap, topics.raw) == 0


def test_a_full_queue_holds_the_source_back_and_then_says_so(topics: Topics) -> None:
    publisher = Publisher(NOWHERE, topics, patience_s=0.0)

    def fill() -> None:
        for _ in range(40):
            publisher.publish_record(None, bytes(8 * 1024 * 1024))

    with pytest.raises(QueueFullError):
        fill()
    assert publisher.flush(0.0) > 0
