"""The real broker, database and cache, started once a session; each test gets topics, tables and keys of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import psycopg
import pytest
import redis
from hypothesis import Phase, settings

from deploy.embedded import EmbeddedStack, StackAddresses
from deploy.errors import StackInUseError

if TYPE_CHECKING:
    from console_stage import ConsoleStage
    from sqlalchemy import Engine

    from stream.topics import Topics

ROOT = Path(__file__).parent.parent
_RUNNING = "YUQING_TEST_STACK"
# How long an example takes says more of the machine than of the code; timings are the business of tests/bench.
settings.register_profile("yuqing", deadline=None)
# Sessions that share services are those of mutants: what matters is that an example fails, not which is the smallest.
settings.register_profile("mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants" if _RUNNING in os.environ else "yuqing")
# Several systems run at once: each console takes a free port.
os.environ.setdefault("YUQING_CONSOLE__PORT", "0")
_redis_databases = itertools.cycle(range(1, 64))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"integration", "faults", "recovery"} & set(item.path.relative_to(ROOT / "tests").parts):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def stack() -> Iterator[StackAddresses]:
    """Kafka, PostgreSQL and Redis for this session alone, with an empty state.

    `YUQING_TEST_STACK` names services that run already, as JSON: many short sessions then share them.
    """
    if running := os.environ.get(_RUNNING):
        yield StackAddresses(**json.loads(running))
        return
    build = ROOT / "build"
    for leftover in build.glob("test-stack-*"):  # of a test run that was killed
        if not psutil.pid_exists(int(leftover.name.rpartition("-")[2])):
            with contextlib.suppress(StackInUseError):
                EmbeddedStack(leftover).remove()
    services = EmbeddedStack(build / f"test-stack-{os.getpid()}", fresh=True)
    with services as addresses:
        yield addresses
    services.remove()


@pytest.fixture(scope="session")
def bootstrap(stack: StackAddresses) -> str:
    """The broker's address."""
    return stack.kafka


@pytest.fixture
def topics(bootstrap: str) -> Topics:
    """Topics that no other test uses, created with four partitions."""
    from stream.topics import Topics, ensure_topics

    topics = Topics.prefixed(f"t{uuid4().hex[:8]}.")
    ensure_topics(bootstrap, topics, partitions=4, replication=1)
    return topics


@pytest.fixture(scope="session")
def _template_database(stack: StackAddresses) -> str:
    """A database with the newest schema, to copy: a copy takes a tenth of the time of the migrations."""
    from storage.connection import connect
    from storage.schema import migrate

    files = sorted((ROOT / "storage" / "migrations" / "versions").glob("*.*"))
    name = "migrated_" + blake2b(b"".join(file.read_bytes() for file in files), digest_size=4).hexdigest()
    with psycopg.connect(stack.database_url, autocommit=True) as session:
        session.execute("select pg_advisory_lock(1)")  # sessions that share the services make it once
        if session.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
            session.execute("drop database if exists fresh")
            session.execute("create database fresh")
            engine = connect(_with_database(stack.database_url, "fresh"), pool_size=1)
            migrate(engine)
            engine.dispose()
            session.execute(f"alter database fresh rename to {name}")
    return name


@pytest.fixture
def empty_database_url(stack: StackAddresses) -> Iterator[str]:
    """The URL of a new database without any table, for tests of the migrations."""
    yield from _database(stack.database_url, template="template0")


@pytest.fixture
def database_url(stack: StackAddresses, _template_database: str) -> Iterator[str]:
    """The URL of this test's own migrated database."""
    yield from _database(stack.database_url, template=_template_database)


@pytest.fixture(scope="module")
def module_database_url(stack: StackAddresses, _template_database: str) -> Iterator[str]:
    """The URL of a migrated database for all tests of a module, which change nothing that another looks at."""
    yield from _database(stack.database_url, template=_template_database)


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An engine on this test's own migrated database."""
    from storage.connection import connect

    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def redis_url(stack: StackAddresses) -> str:
    """The URL of an empty numbered database of the cache."""
    first = os.getpid() * 8 if _RUNNING in os.environ else 0  # a neighbour on the same server takes others
    url = stack.redis_url.removesuffix("/0") + f"/{1 + (first + next(_redis_databases)) % 63}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of an empty numbered database of the cache; it returns bytes."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(scope="session")
def _filled_database(stack: StackAddresses, _template_database: str) -> Iterator[str]:
    """A database with documents and alerts, to copy: it is filled once."""
    from console_stage import stage_console

    from storage.connection import connect

    for url in _database(stack.database_url, template=_template_database):
        staged = stage_console(connect(url))
        staged.close()
        yield url.rsplit("/", 1)[1]


@pytest.fixture(scope="module")
def console(stack: StackAddresses, _filled_database: str) -> Iterator[ConsoleStage]:
    """A filled database with the API and the console on it, for tests that only read."""
    yield from _console(stack, _filled_database)


@pytest.fixture
def own_console(stack: StackAddresses, _filled_database: str) -> Iterator[ConsoleStage]:
    """The same for one test that acts."""
    yield from _console(stack, _filled_database)


def _console(stack: StackAddresses, filled: str) -> Iterator[ConsoleStage]:
    from console_stage import on_database

    from storage.connection import connect

    for url in _database(stack.database_url, template=filled):
        staged = on_database(connect(url))
        yield staged
        staged.close()


def _database(url: str, template: str) -> Iterator[str]:
    name = f"t{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"create database {name} template {template}")
        yield _with_database(url, name)
        session.execute(f"drop database {name} with (force)")


def _with_database(url: str, name: str) -> str:
    return url.rsplit("/", 1)[0] + f"/{name}"
