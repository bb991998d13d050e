"""The product as an operator runs it, for a bench: every role a process, on a database, topics and keys of its own."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.request import urlopen

import psycopg
import redis
from confluent_kafka.admin import AdminClient
from processes import Watched, stack_processes
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from sqlalchemy.engine import make_url

from deploy.embedded import StackAddresses
from deploy.metrics import metrics_port
from deploy.role_names import ROLES
from deploy.role_process import running_roles
from deploy.roles import roles_for
from deploy.services import Services, open_services, prepare, topics_of
from deploy.settings import Settings, load_settings
from deploy.up import running_system
from stream.documents import RawDocument
from stream.publisher import Publisher
from stream.topics import Topics

__all__ = ["Product", "Stack", "installed"]

_TIMEOUT_S = 30


@dataclass(frozen=True)
class Stack:
    """The embedded services of a bench, and the folder they lie in."""

    addresses: StackAddresses
    folder: Path

    def processes(self) -> dict[str, Watched]:
        """The services' processes, by name."""
        return stack_processes(self.folder)


@dataclass(frozen=True)
class Product:
    """One installation with empty books. Its roles run inside `running` only."""

    settings: Settings
    config: Path

    @property
    def topics(self) -> Topics:
        """Its topics."""
        return topics_of(self.settings)

    @property
    def database_url(self) -> str:
        """Its database, for psycopg."""
        return self.settings.database.url.get_secret_value()

    def publish(self, documents: Iterable[RawDocument]) -> None:
        """Puts documents on the raw topic and returns when the broker has them all."""
        publisher = Publisher(self.settings.kafka.bootstrap, self.topics, patience_s=60)
        for document in documents:
            publisher.publish(document)
        if left := publisher.flush(_TIMEOUT_S * 10):
            raise TimeoutError(f"the broker did not take {left} documents")

    @contextmanager
    def running(self) -> Iterator[None]:
        """All its roles run, as under `yuqing up`; they stop gracefully at the end."""
        with running_system(self.settings, roles_for(self.settings), config=self.config):
            yield

    def accounted(self, session: psycopg.Connection[tuple[int]]) -> int:
        """How many raw records have an outcome in the books."""
        row = session.execute(
            "SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM ledger, unnest(accounted) r"
        ).fetchone()
        assert row is not None
        return row[0]

    def bytes_kept(self, stack: Stack) -> dict[str, int]:
        """What its documents take in each service: tables with their indexes, log segments, all of Redis."""
        with psycopg.connect(self.database_url) as session:
            row = session.execute("SELECT pg_database_size(current_database())").fetchone()
        with redis.Redis.from_url(self.settings.redis.url.get_secret_value()) as cache:
            used = cache.info("memory")["used_memory"]
        segments = stack.folder.rglob(f"{self.settings.kafka.topic_prefix}documents.*/*.log")
        assert row is not None
        return {"postgres": row[0], "kafka": sum(one.stat().st_size for one in segments), "redis": used}

    def roles(self) -> dict[str, Watched]:
        """The roles' processes, by name; those that have started."""
        return {one.role: Watched(one.pid) for one in running_roles(self.settings.state_folder) if one.role in ROLES}

    def metric(self, role: str, name: str, **labels: str) -> float:
        """A sample of what a running role tells Prometheus; 0 where it has told nothing under this name."""
        port = metrics_port(role, self.settings.metrics.port_base)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_TIMEOUT_S) as answer:
            told = answer.read().decode()
        return sum(
            found.value
            for family in text_string_to_metric_families(told)
            for found in family.samples
            if found.name == name and labels.items() <= found.labels.items()
        )


@contextmanager
def installed(stack: Stack, folder: Path, *, webhook: Mapping[str, object] | None = None) -> Iterator[Product]:
    """An installation below `folder`: schema and topics are there, its roles do not run. All of it is removed after.

    Args:
        stack: the services it uses.
        folder: for its settings and state; a folder of its own is made there.
        webhook: an entry of `[[webhooks]]`.
    """
    name = f"bench-{secrets.token_hex(4)}"
    database = make_url(stack.addresses.database_url).set(database=name).render_as_string(hide_password=False)
    sections = _sections(stack, name, database)
    if webhook:  # dozens of companies in trouble within minutes are an alarm of the market, which would quiet them
        sections["alerts"] = {"market_surge": False}
    config = _written(folder / name, sections, webhook)
    with ExitStack() as undo:
        with psycopg.connect(stack.addresses.database_url, autocommit=True) as session:
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        undo.callback(_remove, stack, name)
        settings = load_settings(config)
        with open_services(settings) as services:
            _prepared(settings, services)
        yield Product(settings, config)


def _prepared(settings: Settings, services: Services) -> None:
    if not prepare(settings, services, Event()):
        raise RuntimeError("nobody told it to stop, and it did")


def _sections(stack: Stack, name: str, database: str) -> dict[str, dict[str, object]]:
    return {
        "kafka": {"bootstrap": stack.addresses.kafka, "topic_prefix": f"{name}.", "group": name},
        "database": {"url": database},
        "redis": {"url": stack.addresses.redis_url, "prefix": f"{name}:"},
        "metrics": {"port_base": _free_ports(len(ROLES))},
        "console": {"port": 0},
        "logs": {"level": "error"},
    }


def _written(folder: Path, sections: Mapping[str, Mapping[str, object]], webhook: Mapping[str, object] | None) -> Path:
    """The settings file; all else is the product's default."""
    folder.mkdir(parents=True)
    tables = [(f"[{title}]", values) for title, values in sections.items()]
    lines = [f"state_folder = {json.dumps(str(folder / 'state'))}"]
    for title, values in [*tables, *([("[[webhooks]]", webhook)] if webhook else [])]:
        # What JSON writes for strings, numbers and booleans is TOML as well.
        lines += ["", title, *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    file = folder / "bench.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _free_ports(count: int) -> int:
    """The first of `count` free ports in a row."""
    while True:
        base = 20_000 + secrets.randbelow(10_000)
        with ExitStack() as held:
            try:
                for port in range(base, base + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base


def _remove(stack: Stack, name: str) -> None:
    with psycopg.connect(stack.addresses.database_url, autocommit=True) as session:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    admin = AdminClient({"bootstrap.servers": stack.addresses.kafka, "log_level": 0})
    topics = [topic for topic in admin.list_topics(timeout=_TIMEOUT_S).topics if topic.startswith(f"{name}.")]
    for deleted in admin.delete_topics(topics, operation_timeout=_TIMEOUT_S).values() if topics else ():
        deleted.result(_TIMEOUT_S)
    with redis.Redis.from_url(stack.addresses.redis_url) as cache:
        for key in cache.scan_iter(f"{name}:*", count=1_000):
            cache.unlink(key)
