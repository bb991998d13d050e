"""The watch list of an installation: its files, read once at the start, and the entries that people edit, followed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from deploy.metrics import WATCH_LIST_VERSION
from deploy.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from storage.watch_entries import Entry
    from stream.watchlist import Entity, Row, WatchList

__all__ = ["Follower", "follower", "known", "lists_of", "rows_of", "watched"]

T = TypeVar("T")

_log = structlog.get_logger()

_EVERY_S: Final = 2.0


def lists_of(settings: Settings) -> WatchList:
    """What the files have. Raises WatchListError that names every faulty line."""
    from stream.watchlist import read

    return read(list(settings.intake.watchlists), include_default=settings.intake.default_watchlist)


def watched(settings: Settings) -> list[Entity]:
    """The watch list of the files alone, for work that has no database. Raises as `lists_of` does."""
    return lists_of(settings).entities()


def known(settings: Settings) -> list[Entity]:
    """The watch list in force where the database answers, else that of the files. Starts nothing."""
    from sqlalchemy.exc import DBAPIError

    from deploy.services import known_services
    from storage.connection import connect
    from storage.watch_entries import in_force

    lists, entries, services = lists_of(settings), [], known_services(settings)
    if services is not None:
        engine = connect(services.database_url, pool_size=1)
        with suppress(DBAPIError), engine.connect() as connection:  # it may be away, or not migrated yet
            entries = in_force(connection)[1]
        engine.dispose()
    return lists.entities(rows_of(entries))


def rows_of(entries: Sequence[Entry]) -> list[Row]:
    """Entries as rows of one more file."""
    from stream.watchlist import Entity, Row

    return [
        Row(
            where=f"entry {entry.entity_id}",
            entity=Entity(**{name: getattr(entry, name) for name in Entity.__struct_fields__}),
            remove=entry.remove,
        )
        for entry in entries
    ]


def follower(engine: Engine, settings: Settings, stop: threading.Event) -> Follower | None:
    """A follower of this installation's list; None where it was told to stop while the database was away.

    A role does not begin with a list that may be an old one: what it does not link now is never linked.
    """
    from stream.backoff import StoppedError

    try:
        return Follower(engine, lists_of(settings), stop)
    except StoppedError:
        return None


class Follower:
    """Takes over what people change on the watch list, some two seconds after they did.

    While the database is away it is waited for, and the list stays what it was: the metric yuqing_waiting is 1 then,
    and the log says so. Raises StoppedError when it is told to stop before it has a list.
    """

    def __init__(self, engine: Engine, lists: WatchList, stop: threading.Event, *, every_s: float = _EVERY_S) -> None:
        self._engine = engine
        self._lists = lists
        self._stop = stop
        self._every_s = every_s
        self._version, self._entities = self._patiently(self._read)
        WATCH_LIST_VERSION.set(self._version)

    @property
    def entities(self) -> list[Entity]:
        """The list in force."""
        return self._entities

    def follow(self, take: Callable[[Sequence[Entity]], object]) -> None:
        """Calls `take` with each list that comes into force, until it is told to stop. Raises what `take` raises."""
        from stream.backoff import StoppedError

        try:
            while not self._stop.wait(self._every_s):
                if self._patiently(self._newest) != self._version:
                    self._version, self._entities = self._patiently(self._read)
                    self._patiently(lambda: take(self._entities))
                    WATCH_LIST_VERSION.set(self._version)
                    _log.info("watch_list_taken_over", version=self._version, companies=len(self._entities))
        except StoppedError:
            return

    def _newest(self) -> int:
        from storage.watch_entries import newest

        with self._engine.connect() as connection:
            return newest(connection)

    def _read(self) -> tuple[int, list[Entity]]:
        from storage.watch_entries import in_force

        with self._engine.connect() as connection:
            version, entries = in_force(connection)
        return version, self._lists.entities(rows_of(entries))

    def _patiently(self, ask: Callable[[], T]) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        from stream.backoff import persist

        # Whatever the database says: an old list is better than a scorer that ends.
        return persist(ask, service="database", absent=(SQLAlchemyError,), stop=self._stop)
