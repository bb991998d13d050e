"""Several embedded brokers as one cluster on this machine, for trying out what the loss of a broker does.

Three brokers keep every record three times and acknowledge it when two have it: any one of them may be lost for good.
On one machine that protects from nothing else, and takes three times the memory (about 1.3 GB), so the embedded stack
runs one broker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.kafka import EmbeddedKafka, Quorum, new_cluster_id

__all__ = ["BrokerPorts", "EmbeddedKafkaCluster"]


@dataclass(frozen=True)
class BrokerPorts:
    """Where one broker listens. `advertised` is where clients are sent instead, where that is another port."""

    port: int
    controller: int
    advertised: int | None = None


class EmbeddedKafkaCluster:
    """Brokers below `folder`, one for each entry of `ports`, by node id from 1."""

    def __init__(self, folder: Path, ports: Sequence[BrokerPorts], *, cache: Path | None = None) -> None:
        quorum = Quorum({node: one.controller for node, one in enumerate(ports, 1)}, _cluster_id(folder))
        self.replication = quorum.replication
        self.brokers: Mapping[int, EmbeddedKafka] = {
            node: EmbeddedKafka(
                folder,
                port=one.port,
                controller_port=one.controller,
                cache=cache,
                node_id=node,
                quorum=quorum,
                advertised_port=one.advertised,
            )
            for node, one in enumerate(ports, 1)
        }

    @property
    def bootstrap(self) -> str:
        """The addresses of all brokers, as clients take them."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self, timeout_s: float = 180) -> None:
        """Starts all brokers at once: one alone has no majority and answers nobody. Raises EmbeddedError."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(lambda broker: broker.start(timeout_s), self.brokers.values()))

    def stop(self) -> None:
        """Stops the brokers that run. All at once, and none waits long for the others to take its partitions over."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(lambda broker: broker.process.stop(timeout_s=10), self.brokers.values()))


def _cluster_id(folder: Path) -> str:
    """The cluster's id, the same at every start: a broker that was formatted with another one refuses to join."""
    file = folder / "cluster_id"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(new_cluster_id())
    return file.read_text()
