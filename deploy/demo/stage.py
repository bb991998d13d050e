"""What one run has for itself: a database, topics, keys and a settings file; what earlier runs left is removed.

The same stream again would be the same items again, and nothing would happen. So each run begins with empty books
beside those of the last one, which stay readable until the next run.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import psycopg
import redis
from confluent_kafka.admin import AdminClient
from psycopg import sql
from sqlalchemy.engine import make_url

from deploy.embedded import StackAddresses

__all__ = ["Stage", "clear_earlier", "create_database", "write_settings"]

_MARK = "demo-"
_TIMEOUT_S = 15


@dataclass(frozen=True)
class Stage:
    """The names of one run. `run_id` is short, lower case and unlike that of earlier runs."""

    run_id: str
    addresses: StackAddresses

    @property
    def topic_prefix(self) -> str:
        """Before the names of all its topics."""
        return f"{_MARK}{self.run_id}."

    @property
    def group(self) -> str:
        """Its consumer groups."""
        return f"{_MARK}{self.run_id}"

    @property
    def redis_prefix(self) -> str:
        """Before all its keys."""
        return f"{_MARK}{self.run_id}:"

    @property
    def database(self) -> str:
        """The name of its database."""
        return f"{_MARK}{self.run_id}"

    @property
    def database_url(self) -> str:
        """The URL of its database, password included."""
        return make_url(self.addresses.database_url).set(database=self.database).render_as_string(hide_password=False)


def clear_earlier(addresses: StackAddresses) -> None:
    """Removes databases, topics and keys of earlier runs; nothing that any other program made."""
    with psycopg.connect(addresses.database_url, autocommit=True) as session:
        found = session.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_MARK]).fetchall()
        for (name,) in found:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    admin = AdminClient({"bootstrap.servers": addresses.kafka})
    topics = [name for name in admin.list_topics(timeout=_TIMEOUT_S).topics if name.startswith(_MARK)]
    if topics:
        for deleted in admin.delete_topics(topics, operation_timeout=_TIMEOUT_S).values():
            deleted.result(_TIMEOUT_S)
    with redis.Redis.from_url(addresses.redis_url) as cache:
        for key in cache.scan_iter(f"{_MARK}*", count=1_000):
            cache.unlink(key)


def create_database(stage: Stage) -> None:
    """Makes the run's database, without tables."""
    with psycopg.connect(stage.addresses.database_url, autocommit=True) as session:
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(stage.database)))


def write_settings(stage: Stage, folder: Path, *, webhook_url: str, webhook_secret: str) -> Path:
    """Writes the settings of the run's roles below `folder` and returns the file.

    Other commands can look at the run with it: `YUQING_CONFIG=… yuqing audit`. It holds secrets, so only its owner
    can read it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    watchlist = folder / "watchlist.csv"
    with as_file(files("deploy.demo") / "watchlist.csv") as bundled:
        shutil.copyfile(bundled, watchlist)
    sections: dict[str, dict[str, object]] = {
        "kafka": {"bootstrap": stage.addresses.kafka, "topic_prefix": stage.topic_prefix, "group": stage.group},
        "database": {"url": stage.database_url},
        "redis": {"url": stage.addresses.redis_url, "prefix": stage.redis_prefix},
        "intake": {"watchlists": [str(watchlist)]},
        "console": {"port": 0},
    }
    webhook = {"name": "demo", "url": webhook_url, "secret": webhook_secret, "allow_private": True}
    lines = [f"state_folder = {_toml(str(folder / 'roles'))}"]
    for title, values in (*((f"[{name}]", section) for name, section in sections.items()), ("[[webhooks]]", webhook)):
        lines += ["", title, *(f"{name} = {_toml(value)}" for name, value in values.items())]
    file = folder / "demo.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _toml(value: object) -> str:
    # What JSON writes for strings, lists of them and booleans is TOML as well.
    return json.dumps(value, ensure_ascii=False)
