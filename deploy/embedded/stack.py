"""Kafka, PostgreSQL and Redis below one folder, started together and stopped together."""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import structlog

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.ports import known_ports, remembered_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.process import ServiceProcess
from deploy.embedded.redis import EmbeddedRedis
from deploy.errors import EmbeddedError, StackInUseError

__all__ = ["EmbeddedStack", "StackAddresses"]

_log = structlog.get_logger()
_PORTS = ("kafka", "controller", "postgres", "redis")


@dataclass(frozen=True)
class StackAddresses:
    """Where the services listen. The URLs carry passwords, so they stay out of the repr and of logs."""

    kafka: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


class EmbeddedStack:
    """The three services of `folder`, as a context manager or with `start` and `stop`.

    Services already running there are used as they are. The one who started them stops them; where that process
    is gone (it was killed), the next `start` adopts them. `fresh` removes all data first.
    """

    def __init__(self, folder: Path, *, fresh: bool = False, jar_cache: Path | None = None) -> None:
        self.folder = folder.resolve()
        self._ports_file = self.folder / "ports.json"
        self._fresh = fresh
        self._jar_cache = jar_cache
        self._kafka: EmbeddedKafka | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._redis: EmbeddedRedis | None = None
        self._mine: dict[str, ServiceProcess] = {}

    def start(self) -> StackAddresses:
        """Starts what does not run yet and returns the addresses once every service answers a client.

        Raises EmbeddedError: PartMissingError, ServiceError, or StackInUseError when `fresh` would wipe a stack in use.
        """
        self._make_folder()
        before = set(self._mine)
        with self._locked():
            if self._fresh:
                self._wipe()
                self._fresh = False
            kafka, postgres, redis = self._services()
            services = (postgres, redis, kafka)
            with ThreadPoolExecutor(len(services)) as pool:
                started = [pool.submit(self._ensure, service) for service in services]
            failures = [failed for job in started if (failed := job.exception()) is not None]
        if failures:
            self._stop(set(self._mine) - before)
            raise failures[0]
        addresses = StackAddresses(kafka.bootstrap, postgres.url, redis.url)
        _log.info("stack_ready", folder=str(self.folder), kafka=addresses.kafka, started=len(self._mine))
        return addresses

    def stop(self) -> None:
        """Stops the services this object started or adopted, and leaves those of another process alone."""
        self._stop(set(self._mine))

    def running(self) -> StackAddresses | None:
        """The addresses, if all three services of the folder run; starts nothing."""
        ports = known_ports(self._ports_file)
        if not ports:
            return None
        kafka, postgres, redis = self._at(ports)
        if all(service.process.running() for service in (kafka, postgres, redis)):
            return StackAddresses(kafka.bootstrap, postgres.url, redis.url)
        return None

    def remove(self) -> None:
        """Stops the services and removes all their data; raises StackInUseError when another process owns them."""
        self.stop()
        if self.folder.exists():
            with self._locked():
                self._wipe()
            shutil.rmtree(self.folder)

    def versions(self) -> dict[str, str]:
        """The versions of the running broker, database and cache, by those names."""
        if self._kafka is None or self._postgres is None or self._redis is None:
            raise EmbeddedError("The embedded stack is not started.", fix="call start() first.")
        return {
            "kafka": self._kafka.version(),
            "postgres": self._postgres.version(),
            "redis": self._redis.version(),
        }

    def __enter__(self) -> StackAddresses:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _stop(self, names: set[str]) -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(ServiceProcess.stop, [self._mine.pop(name) for name in names]))

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "lock").touch()
        except OSError as error:
            raise EmbeddedError(
                f"Cannot write to the state folder {self.folder}: {error.strerror}.",
                fix="make it writable, or choose another with state_folder in yuqing.toml.",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two commands that start the stack at the same moment do it one after the other."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _services(self) -> tuple[EmbeddedKafka, EmbeddedPostgres, EmbeddedRedis]:
        """The services at the ports that they have had, or at new ones; call it under the lock."""
        running = frozenset(name for name in ("kafka", "postgres", "redis") if self._process(name).running())
        if "kafka" in running:
            running |= {"controller"}
        return self._at(remembered_ports(self._ports_file, _PORTS, running=running))

    def _at(self, ports: Mapping[str, int]) -> tuple[EmbeddedKafka, EmbeddedPostgres, EmbeddedRedis]:
        secret = self._secret()
        self._kafka = EmbeddedKafka(
            self.folder, port=ports["kafka"], controller_port=ports["controller"], cache=self._jar_cache
        )
        self._postgres = EmbeddedPostgres(self.folder, port=ports["postgres"], secret=secret)
        self._redis = EmbeddedRedis(self.folder, port=ports["redis"], secret=secret)
        return self._kafka, self._postgres, self._redis

    def _ensure(self, service: EmbeddedKafka | EmbeddedPostgres | EmbeddedRedis) -> None:
        process = service.process
        if process.running() is not None:
            if process.owner() is None:
                process.adopt()
                self._mine[process.name] = process
            process.wait_ready(service.ready, timeout_s=180)
            return
        self._mine[process.name] = process
        service.start()

    def _process(self, name: str) -> ServiceProcess:
        return ServiceProcess(name, self.folder)

    def _secret(self) -> str:
        file = self.folder / "secret"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(16))
        return file.read_text()

    def _wipe(self) -> None:
        kafka, postgres, redis = self._services()
        processes = [kafka.process, postgres.process, redis.process]
        for process in processes:
            owner = process.owner() if process.running() else None
            if owner is not None:
                raise StackInUseError(
                    f"The stack in {self.folder} is in use by process {owner.pid}, so it cannot begin anew.",
                    fix="stop that process first (Ctrl-C in its terminal), or choose another state folder.",
                )
        for process in processes:
            process.stop()
        postgres.wipe()
        for entry in self.folder.iterdir():
            if entry.name == "lock":
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
