"""One installation of a run: its settings file, database, topics, workers and webhook receiver, on a service stack."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import psycopg
import redis
from eventually import eventually
from service_stack import ServiceStack
from sqlalchemy import func, select, text
from worker_processes import WorkerProcesses

from alerts.delivery.receiver import WebhookReceiver
from deploy.alert_parts import timing_of
from deploy.services import Services, prepare, topics_of
from deploy.settings import Settings, load_settings
from storage.audit import AuditReport, audit
from storage.connection import connect
from storage.hot_windows import HotWindows
from storage.tables import alerts, changed_buckets, deliveries
from storage.watermarks import low_watermark
from stream.topics import spans

__all__ = ["ALONE", "STAFF", "InstallationUnderTest", "installation_under_test"]

ROOT = Path(__file__).parents[2]
CRISES = ROOT / "docs/examples/crises_2023.csv"
ALONE = ("scorer-1", "windows-1", "alerts-1")
STAFF = ("scorer-1", "scorer-2", "windows-1", "windows-2", "alerts-1", "alerts-2")
_ALL_PARTITIONS_COUNT_S = 900


class InstallationUnderTest:
    """Its workers run between `open` and `close`; the books can be looked at all the time, past the proxies."""

    def __init__(self, stack: ServiceStack, settings: Settings, workers: WorkerProcesses, receiver: WebhookReceiver):
        self.stack = stack
        self.settings = settings
        self.workers = workers
        self.receiver = receiver
        database = settings.database.url.get_secret_value().rpartition("/")[2]
        self.engine = connect(f"{stack.direct_database_url.rpartition('/')[0]}/{database}")
        self.topics = topics_of(settings)

    def open(self, staff: Sequence[str] = STAFF) -> None:
        """Starts workers; two of each role, so that partitions and work change hands."""
        for name in staff:
            self.workers.start(name)

    def accounted(self) -> int:
        """How many raw records have an outcome in the books."""
        return self._scalar("SELECT coalesce(sum(stored + repeated + dead), 0)::bigint FROM ledger")

    def settle(self, timeout_s: float) -> None:
        """Waits until all that is on the log is booked, judged and delivered."""
        eventually(lambda: not self._left(), timeout_s, every_s=0.5, what="nothing left to do")

    def audit(self) -> AuditReport:
        """The product's own audit, of the broker, the database and the cache."""
        topics, url = self.topics, self.stack.direct_redis_url
        with redis.Redis.from_url(url) as cache:
            keep = timedelta(hours=self.settings.windows.hot_hours)
            hot = HotWindows(cache, prefix=self.settings.redis.prefix, keep=keep)
            incoming = spans(self.stack.kafka, *topics.incoming)
            return audit(self.engine, hot, incoming, spans(self.stack.kafka, topics.scored, topics.dead))

    def _left(self) -> Mapping[str, int]:
        """What is still to be done, by name; empty when nothing is."""
        self.workers.revive()
        topics, now = self.topics, datetime.now(UTC)
        incoming = sum(end - begin for begin, end in spans(self.stack.kafka, *topics.incoming).values())
        unread = spans(self.stack.kafka, topics.scored, topics.dead)
        timing = timing_of(self.settings)
        with self.engine.connect() as connection:
            read = self._scalar("SELECT coalesce(sum(next_offset), 0)::bigint FROM positions")
            low = low_watermark(
                connection, now=now, idle_after=timing.idle_after, allowed_lateness=timing.allowed_lateness
            )
            if low is None:
                return {"unread": sum(end for _, end in unread.values())}
            ready = low + timedelta(minutes=self.settings.alerts.guard_min)
            unjudged = select(func.count()).select_from(changed_buckets).where(changed_buckets.c.bucket <= ready)
            quiet = alerts.c.last_bucket < low - timing.quiet - timedelta(minutes=1)
            unended = select(func.count()).select_from(alerts).where(alerts.c.episode == "open", quiet)
            undelivered = select(func.count()).select_from(deliveries).where(deliveries.c.state == "pending")
            left = {
                "unbooked": max(incoming - self.accounted(), 0),
                "unread": sum(end for _, end in unread.values()) - read,
                "unjudged": connection.execute(unjudged).scalar_one(),
                "unended": connection.execute(unended).scalar_one(),
                "undelivered": connection.execute(undelivered).scalar_one(),
            }
        return {name: count for name, count in left.items() if count}

    def _scalar(self, query: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())


@contextmanager
def installation_under_test(
    stack: ServiceStack, folder: Path, *, quick: bool, answers: tuple[int, ...] = ()
) -> Iterator[InstallationUnderTest]:
    """An installation with empty books; its workers are started by `open` and end with the block.

    `answers` are those of the webhook receiver to the first requests.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"run{secrets.token_hex(4)}"
    with psycopg.connect(stack.direct_database_url, autocommit=True) as session:
        session.execute(f"create database {name}")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    with WebhookReceiver(secret, script=answers) as receiver:
        config = _written(folder, _sections(stack, name), _webhook(receiver.url, secret))
        settings = load_settings(config)
        services = Services(
            settings.kafka.bootstrap,
            settings.database.url.get_secret_value(),
            settings.redis.url.get_secret_value(),
        )
        assert prepare(settings, services, Event())
        workers = WorkerProcesses(config, folder, quick)
        installation = InstallationUnderTest(stack, settings, workers, receiver)
        try:
            yield installation
        finally:
            workers.close()
            installation.engine.dispose()


def _sections(stack: ServiceStack, name: str) -> dict[str, dict[str, object]]:
    return {
        "kafka": {
            "bootstrap": stack.kafka,
            "topic_prefix": f"{name}.",
            "group": name,
            "replication": stack.replication,
        },
        "database": {"url": f"{stack.database_url.rpartition('/')[0]}/{name}"},
        "redis": {"url": stack.redis_url, "prefix": f"{name}:"},
        "intake": {"watchlists": [str(CRISES)], "processes": 0},
        # The feed is replayed thousands of times faster than it came: a partition that stands still for a minute here
        # would stand still for weeks there. It holds the others back instead, as it should.
        "windows": {"idle_after_s": _ALL_PARTITIONS_COUNT_S},
        "logs": {"format": "json"},
    }


def _webhook(url: str, secret: str) -> dict[str, object]:
    return {"name": "analyst", "url": url, "secret": secret, "allow_private": True}


def _written(folder: Path, sections: Mapping[str, Mapping[str, object]], webhook: Mapping[str, object]) -> Path:
    lines = []
    for title, values in [*((f"[{one}]", each) for one, each in sections.items()), ("[[webhooks]]", webhook)]:
        # What JSON writes for strings, numbers, booleans and lists is TOML as well.
        lines += [title, *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]
    file = folder / "yuqing.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines))
    return file
