"""A database and a cache for one command: empty, apart from the installation's, and gone afterwards."""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from deploy.embedded.ports import remembered_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.redis import EmbeddedRedis

__all__ = ["Scratch", "scratch_services"]

_TERMINATED = 143
"""The exit code of a command that SIGTERM ended."""


@dataclass(frozen=True)
class Scratch:
    """Addresses with passwords: they show nowhere. The database has no tables yet."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


@contextmanager
def scratch_services() -> Iterator[Scratch]:
    """Starts both below a temporary folder, whatever the settings name, and removes them at the end.

    Also when the command is interrupted or terminated. Raises EmbeddedError where they cannot be started.
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with TemporaryDirectory(prefix="yuqing-") as name:
            yield from _below(Path(name).resolve())
    finally:
        signal.signal(signal.SIGTERM, before)


def _below(folder: Path) -> Iterator[Scratch]:
    ports, secret = remembered_ports(folder / "ports.json", ("postgres", "redis")), secrets.token_hex(16)
    postgres = EmbeddedPostgres(folder, port=ports["postgres"], secret=secret)
    cache = EmbeddedRedis(folder, port=ports["redis"], secret=secret)
    try:
        postgres.start()
        cache.start()
        yield Scratch(postgres.url, cache.url)
    finally:
        cache.process.stop()
        postgres.process.stop()
        postgres.wipe()


def _end(signal_number: int, frame: FrameType | None) -> None:
    sys.exit(_TERMINATED)
