"""Three embedded brokers: everything acknowledged is there when one of them is gone for good, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, PartitionMetadata, ResourceType
from eventually import eventually

from deploy.embedded.kafka_cluster import BrokerPorts, EmbeddedKafkaCluster
from deploy.embedded.ports import remembered_ports
from stream.publisher import producer_settings
from stream.topics import Topics, ensure_topics

TOPICS = Topics.prefixed("three.")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedKafkaCluster]:
    names = tuple(f"{kind}-{node}" for node in (1, 2, 3) for kind in ("kafka", "controller"))
    ports = remembered_ports(tmp_path / "ports.json", names)
    cluster = EmbeddedKafkaCluster(
        tmp_path, [BrokerPorts(ports[f"kafka-{node}"], ports[f"controller-{node}"]) for node in (1, 2, 3)]
    )
    cluster.start()
    yield cluster
    cluster.stop()


def placed(admin: AdminClient) -> dict[int, PartitionMetadata]:
    """The partitions of the scored topic, once all have a leader; empty before."""
    found = admin.list_topics(TOPICS.scored, timeout=15).topics[TOPICS.scored].partitions
    return found if len(found) == 4 and all(one.leader > 0 for one in found.values()) else {}


def publish(bootstrap: str, numbers: range) -> None:
    """Returns when all are acknowledged."""
    producer = Producer(producer_settings(bootstrap))
    for number in numbers:
        producer.produce(TOPICS.scored, str(number).encode(), partition=number % 4)
    assert producer.flush(90) == 0


def read(bootstrap: str, count: int) -> list[int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPICS.scored, partition, 0) for partition in range(4)])
    found = [int(record.value()) for record in consumer.consume(count, timeout=90)]
    consumer.close()
    return sorted(found)


def test_a_broker_killed_for_good_takes_nothing_with_it(cluster: EmbeddedKafkaCluster) -> None:
    ensure_topics(cluster.bootstrap, TOPICS, partitions=4, replication=cluster.replication)
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
    partitions = eventually(lambda: placed(admin))  # a broker may not have heard of a new topic yet
    assert {len(one.replicas) for one in partitions.values()} == {3}
    broker = ConfigResource(ResourceType.BROKER, "1")
    assert admin.describe_configs([broker])[broker].result(15)["min.insync.replicas"].value == "2"

    publish(cluster.bootstrap, range(1000))
    leader = cluster.brokers[partitions[0].leader].process.running()
    assert leader is not None
    leader.kill()
    publish(cluster.bootstrap, range(1000, 2000))

    assert read(cluster.bootstrap, 2000) == list(range(2000))
