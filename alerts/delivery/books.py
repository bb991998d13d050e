"""The outbox as an event loop may use it: every step is a transaction in a thread, and outages are waited out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from alerts.patience import Patience

__all__ = ["Books"]

T = TypeVar("T")

_THREADS = 4


class Books:
    """Runs steps on connections of `engine` until `stop` is set."""

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine = engine
        self._patience = Patience("deliveries", stop)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="outbox")

    async def run(self, step: Callable[[Connection], T]) -> T | None:
        """What `step` returns after its commit; None when it is time to stop and the database is away."""

        def transaction() -> T:
            with self._engine.begin() as connection:
                return step(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, self._patience.run, transaction)
