"""Group commit: what is to be written while a transaction is under way shares the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from alerts.delivery.books import Books

__all__ = ["Together"]

T = TypeVar("T")

_MOST: Final = 500
"""Things of one transaction."""


class Together(Generic[T]):
    """Writes things with `write`, many in one transaction where many come at once: of a thousand endpoints that answer
    together, none waits for a thousand commits."""

    def __init__(self, books: Books, write: Callable[[Sequence[T], Connection], None]) -> None:
        self._books = books
        self._write = write
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, thing: T) -> None:
        """Returns after the commit; raises what writing raised, for all that shared the transaction."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((thing, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                await self._books.run(partial(self._write, [thing for thing, _ in batch]))
            except BaseException as error:
                _end(batch, error)
            else:
                _end(batch, None)


def _end(batch: Sequence[tuple[T, asyncio.Future[None]]], error: BaseException | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
