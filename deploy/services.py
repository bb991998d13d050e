"""Where the broker, the database and the cache are for one command: those of the settings, or the embedded ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from deploy.embedded import EmbeddedStack, StackAddresses
from deploy.embedded.watch import watched_stack
from deploy.settings import Settings

if TYPE_CHECKING:
    from stream.topics import Topics

__all__ = ["Services", "known_services", "open_services", "prepare", "stack_folder", "topics_of"]


@dataclass(frozen=True)
class Services:
    """Addresses of the three services. URLs carry passwords, so they stay out of the repr."""

    kafka: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The same as variables, for processes that we start: they need not look for the stack again."""
        return {
            "YUQING_KAFKA__BOOTSTRAP": self.kafka,
            "YUQING_DATABASE__URL": self.database_url,
            "YUQING_REDIS__URL": self.redis_url,
        }


def stack_folder(state_folder: Path) -> Path:
    """Where the embedded stack of a state folder keeps its data."""
    return state_folder / "embedded"


@contextmanager
def open_services(settings: Settings, *, fresh: bool = False, watch: bool = False) -> Iterator[Services]:
    """The services, starting the embedded stack where one is wanted and does not run; it is stopped at the end.

    With `watch`, an embedded service that dies meanwhile is started again. Raises EmbeddedError when the stack
    cannot be started.
    """
    if not settings.embedded:
        yield _chosen(settings, None)
        return
    stack = EmbeddedStack(stack_folder(settings.state_folder), fresh=fresh)
    with stack as addresses, watched_stack(stack) if watch else nullcontext():
        yield _chosen(settings, addresses)


def known_services(settings: Settings) -> Services | None:
    """The services, starting nothing; None where an embedded one is wanted and does not run."""
    if not settings.embedded:
        return _chosen(settings, None)
    running = EmbeddedStack(stack_folder(settings.state_folder)).running()
    return _chosen(settings, running) if running else None


def topics_of(settings: Settings) -> Topics:
    """The topics of this installation."""
    from stream.topics import Topics

    return Topics.prefixed(settings.kafka.topic_prefix)


def prepare(settings: Settings, services: Services, stop: Event) -> bool:
    """Makes what every role needs: the newest schema and the topics. Waits for services that are away.

    Returns False when `stop` was set before all was there. Raises MigrationError and AddressError.
    """
    from storage.connection import connect, wait_for_database
    from storage.schema import migrate
    from stream.backoff import StoppedError, persist
    from stream.topics import TopicsError, ensure_topics

    engine = connect(services.database_url, pool_size=1)
    try:
        if not wait_for_database(engine, stop):
            return False
        migrate(engine)
        persist(
            lambda: ensure_topics(
                services.kafka,
                topics_of(settings),
                partitions=settings.kafka.partitions,
                replication=settings.kafka.replication,
            ),
            service="broker",
            absent=(TopicsError,),
            stop=stop,
        )
    except StoppedError:
        return False
    finally:
        engine.dispose()
    return True


def _chosen(settings: Settings, embedded: StackAddresses | None) -> Services:
    return Services(
        kafka=settings.kafka.bootstrap or (embedded.kafka if embedded else ""),
        database_url=settings.database.url.get_secret_value() or (embedded.database_url if embedded else ""),
        redis_url=settings.redis.url.get_secret_value() or (embedded.redis_url if embedded else ""),
    )
