"""Faust's consumer, made to begin where PostgreSQL says rather than where Kafka says.

Faust can commit an offset before its record is done: when a stream stops or restarts inside a batch, when messages
of an older generation are skipped, and when the first acknowledgement of a partition is not its first record. The
position that the ledger keeps in the transaction of the data has none of these gaps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import structlog
from faust.transport.drivers import aiokafka
from faust.types import TP

from stream.errors import StreamError

__all__ = ["LogMismatchError", "PositionedConsumer", "PositionedTransport"]

_log = structlog.get_logger()

Positions = Callable[[set[TP]], Mapping[TP, int]]
"""Given our partitions, the offset that each goes on with. May block: it is called in a thread."""


class LogMismatchError(StreamError):
    """The log ends before the database's position: this database was filled from another log."""


class PositionedConsumer(aiokafka.Consumer):
    """Seeks each assigned partition to its position in the database. `positions` is set by the transport's owner."""

    positions: ClassVar[Positions]

    async def perform_seek(self) -> None:
        """Called by Faust after each assignment, before records flow. Raises LogMismatchError."""
        assigned = self.assignment()
        if not assigned:
            return
        wanted = await asyncio.to_thread(self.app.positions, assigned)  # type: ignore[attr-defined]
        ends = await self.highwaters(*assigned)
        for tp, offset in wanted.items():
            if offset > ends[tp]:
                raise LogMismatchError(_mismatch(tp, ends[tp], offset))
        # What was acknowledged before belongs to an older reading of the partition.
        for state in (self._acked, self._acked_index, self._gap):
            state.clear()
        await self.seek_wait(wanted)
        self._committed_offset.update(wanted)


def _mismatch(tp: TP, end: int, position: int) -> str:
    return (
        f"partition {tp.partition} of {tp.topic} ends at offset {end}, but the database has read it up to {position}: "
        "the log was emptied or is another one. Give the topics a new prefix, or use an empty database."
    )


class PositionedTransport(aiokafka.Transport):
    """The Kafka transport with that consumer."""

    Consumer: ClassVar[Any] = PositionedConsumer
