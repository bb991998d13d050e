"""Keeps the hot windows in Redis as PostgreSQL has them, through a Redis that comes and goes."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from storage.hot_windows import HotWindows
from storage.trend_rows import TrendRow

__all__ = ["HotMirror"]

_log = structlog.get_logger()


class HotMirror:
    """Sets rows after their commit. Redis holds nothing that PostgreSQL does not, so it never holds ingest up.

    Rows that Redis missed, a crash between commit and set included, and all of them where Redis forgot everything,
    come back by `mend`. Safe between threads.
    """

    def __init__(self, hot: HotWindows, engine: Engine) -> None:
        self._hot = hot
        self._engine = engine
        self._behind = True  # the process before us may have died between its commit and its set
        self._told = False
        self._lock = threading.Lock()

    def set(self, rows: Sequence[TrendRow]) -> None:
        """Sets rows that were just committed; where Redis is away, remembers that it is behind."""
        try:
            self._hot.set(rows)
        except RedisError as error:
            self._lost(error)

    def doubt(self) -> None:
        """The books were taken back: Redis may hold rows of revisions that they will not reach, or reach otherwise."""
        with self._lock:
            self._behind = True

    def mend(self) -> None:
        """Brings Redis up to date if it is behind, or empty. Cheap when it is neither: call it now and then."""
        with self._lock:
            behind, self._behind = self._behind, False  # before the rebuild: rows that fail to be set meanwhile count
        try:
            if not behind and self._hot.whole():
                return
            self._hot.rebuild(self._engine)
        except (RedisError, OperationalError) as error:
            self._lost(error)
            return
        if self._told:
            self._told = False
            _log.info("hot_windows_mended")

    def _lost(self, error: RedisError | OperationalError) -> None:
        with self._lock:
            self._behind = True
        if not self._told:
            self._told = True
            _log.warning("hot_windows_behind", error=type(error).__name__)
