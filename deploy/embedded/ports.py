"""Which loopback ports the services of one folder listen on: chosen once, remembered, changed only when taken."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from time import monotonic
from typing import Annotated

import msgspec
import structlog

from deploy.embedded.pause import pause

__all__ = ["HOST", "is_free", "known_ports", "remembered_ports"]

HOST = "127.0.0.1"
# Below the range from which Linux and macOS hand out ports to outgoing connections: a port stays ours between starts.
_RANGE = range(20_000, 32_000)
_log = structlog.get_logger()
_Port = Annotated[int, msgspec.Meta(gt=0, lt=2**16)]


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def known_ports(file: Path) -> dict[str, int]:
    """The ports that were chosen before; none before the first start, nor where the file is damaged."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, _Port])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _log.warning("ports_unreadable", file=str(file), error=str(error), hint="others are chosen")
        return {}


def remembered_ports(
    file: Path, names: tuple[str, ...], *, running: frozenset[str] = frozenset(), patience_s: float = 15.0
) -> dict[str, int]:
    """A port for each name, kept in `file`.

    A remembered port that somebody else took is replaced, but only after `patience_s`: the service that had it may
    just have been killed, and a big process that dies still listens for a while. Clients know the old port. Those
    named in `running` are in use by the very service they belong to, and stay.
    """
    known = known_ports(file)
    ports: dict[str, int] = {}
    for name in names:
        port = known.get(name)
        if port is None or (name not in running and not _becomes_free(port, patience_s)):
            port = _choose(taken=set(known.values()) | set(ports.values()))
        ports[name] = port
    if ports != known:
        fresh = file.with_suffix(".new")  # a kill leaves the old file or the new one
        fresh.write_bytes(msgspec.json.encode(ports))
        fresh.replace(file)
    return ports


def _becomes_free(port: int, patience_s: float) -> bool:
    deadline = monotonic() + patience_s
    while not is_free(port):
        if monotonic() > deadline:
            return False
        pause(0.05)
    return True


def _choose(taken: set[int]) -> int:
    candidates = [port for port in _RANGE if port not in taken]
    random.shuffle(candidates)
    return next(port for port in candidates if is_free(port))
