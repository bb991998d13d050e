"""The real broker or brokers, database and cache of a run, each behind a proxy, to be killed and started again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from sqlalchemy.engine import make_url
from tcp_proxy import HOST, ProxyThread, TcpProxy

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.kafka_cluster import BrokerPorts, EmbeddedKafkaCluster
from deploy.embedded.ports import is_free
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.redis import EmbeddedRedis

__all__ = ["ServiceStack", "service_stack"]

Service = EmbeddedKafka | EmbeddedPostgres | EmbeddedRedis

_SECRET = "faults"
_PORTS = range(11_000, 18_000)
_REDIS_S = 60
"""It answers late while its disk is busy; that is the product's worry, not the harness's."""


@dataclass(frozen=True)
class ServiceStack:
    """What runs, by name: `postgres`, `redis`, `kafka` or `kafka-1` to `kafka-3`."""

    services: Mapping[str, Service]
    proxies: Mapping[str, TcpProxy]
    replication: int
    gone: set[str] = field(default_factory=set)
    """Killed for good."""

    @property
    def brokers(self) -> list[str]:
        return sorted(name for name, one in self.services.items() if isinstance(one, EmbeddedKafka))

    # The product goes through the proxies.

    @property
    def kafka(self) -> str:
        """The bootstrap addresses."""
        return ",".join(f"{HOST}:{self.proxies[name].port}" for name in self.brokers)

    @property
    def database_url(self) -> str:
        return self._through_proxy("postgres")

    @property
    def redis_url(self) -> str:
        return self._through_proxy("redis")

    # Whoever watches does not.

    @property
    def direct_database_url(self) -> str:
        database = self.services["postgres"]
        assert isinstance(database, EmbeddedPostgres)
        return database.url

    @property
    def direct_redis_url(self) -> str:
        cache = self.services["redis"]
        assert isinstance(cache, EmbeddedRedis)
        return cache.url

    def kill(self, name: str, *, for_good: bool = False) -> None:
        """kill -9 of a service."""
        running = self.services[name].process.running()
        assert running is not None, f"{name} is gone already"
        running.kill()
        running.wait(10)
        if for_good:
            self.gone.add(name)

    def stop(self, name: str) -> None:
        """Asks a service to end, as a restart by hand does, and waits until it has."""
        self.services[name].process.stop()

    def start(self, name: str) -> None:
        """Starts a service that is down and waits until it answers."""
        self.services[name].start()

    def flush(self) -> None:
        """Empties Redis, as an eviction, a wrong command or a lost volume does."""
        with redis.Redis.from_url(self.direct_redis_url, socket_timeout=_REDIS_S) as client:
            client.flushall()

    def _through_proxy(self, name: str) -> str:
        service = self.services[name]
        assert isinstance(service, EmbeddedPostgres | EmbeddedRedis)
        return make_url(service.url).set(port=self.proxies[name].port).render_as_string(hide_password=False)


@contextmanager
def service_stack(folder: Path, *, brokers: int = 1) -> Iterator[ServiceStack]:
    """All services below `folder`, which should be new, stopped at the end. One broker takes 430 MB, three 1.3 GB."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ["kafka"] if brokers == 1 else [f"kafka-{node}" for node in range(1, brokers + 1)]
    kinds = [*names, *(f"{name}-controller" for name in names), "postgres", "redis"]
    proxied = [*names, "postgres", "redis"]
    ports = _ports([*kinds, *(f"{name}-proxy" for name in proxied)])
    places = [BrokerPorts(ports[name], ports[f"{name}-controller"], ports[f"{name}-proxy"]) for name in names]
    services, cluster = _services(folder, ports, places)
    proxies = {name: TcpProxy(ports[name], ports[f"{name}-proxy"]) for name in proxied}
    stack = ServiceStack(services, proxies, replication=min(brokers, 3))
    with ProxyThread(*proxies.values()):
        try:
            services["postgres"].start()
            services["redis"].start()
            cluster.start() if cluster else services["kafka"].start()
            yield stack
        finally:
            for service in services.values():
                service.process.stop(timeout_s=10)


def _ports(names: list[str]) -> dict[str, int]:
    """A free port for each, where no other stack on this machine looks for one while ours is down for a moment."""
    free = (port for port in random.sample(_PORTS, len(_PORTS)) if is_free(port))
    return {name: next(free) for name in names}


def _services(
    folder: Path, ports: Mapping[str, int], places: list[BrokerPorts]
) -> tuple[dict[str, Service], EmbeddedKafkaCluster | None]:
    services: dict[str, Service] = {
        "postgres": EmbeddedPostgres(folder, port=ports["postgres"], secret=_SECRET),
        "redis": EmbeddedRedis(folder, port=ports["redis"], secret=_SECRET),
    }
    if len(places) == 1:
        one = places[0]
        services["kafka"] = EmbeddedKafka(
            folder, port=one.port, controller_port=one.controller, advertised_port=one.advertised
        )
        return services, None
    cluster = EmbeddedKafkaCluster(folder, places)
    return services | {f"kafka-{node}": broker for node, broker in cluster.brokers.items()}, cluster
