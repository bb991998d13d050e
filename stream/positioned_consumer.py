"""Faust's consumer, made to begin where PostgreSQL says rather than where Kafka says, and to commit what is booked.

Faust can commit an offset before its record is done: when a stream stops or restarts inside a batch, when messages
of an older generation are skipped, and when the first acknowledgement of a partition is not its first record. The
position that the ledger keeps in the transaction of the data has none of these gaps, so Faust acknowledges nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import structlog
from faust.transport.drivers import aiokafka
from faust.types import TP

from stream.errors import StreamError
from stream.parcels import FetchedRecords, Parcel

__all__ = ["LogMismatchError", "PositionedConsumer", "PositionedTransport"]

_log = structlog.get_logger()

Positions = Callable[[set[TP]], Mapping[TP, int]]
"""Given our partitions, the offset that each goes on with. May block: it is called in a thread."""


class LogMismatchError(StreamError):
    """The log ends before the database's position: this database was filled from another log."""


class _CommitsBetweenJoins(aiokafka.AIOKafkaConsumerThread):
    """The thread that talks to the broker; while the group is being joined it commits nothing.

    The broker answers a connection's requests in turn, so a commit sent then is answered after the join, by "illegal
    generation", for which aiokafka leaves the generation that it has just joined: the next join begins, and so on for
    ever. librdkafka had the same (librdkafka #4908). What is assigned is committed again after each join anyway.
    """

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return not self._ensure_consumer()._subscription.reassignment_in_progress and await super()._commit(offsets)


class PositionedConsumer(aiokafka.Consumer):
    """Seeks each assigned partition to its position in the database. `positions` is set by the transport's owner."""

    positions: ClassVar[Positions]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._booked: dict[TP, int] = {}

    def booked(self, ends: Mapping[tuple[str, int], int]) -> None:
        """These partitions are booked up to here: the next commit tells Kafka, for tools that show lag."""
        self._booked.update({TP(*partition): end for partition, end in ends.items()})

    def _new_consumer_thread(self) -> _CommitsBetweenJoins:
        return _CommitsBetweenJoins(self, loop=self.loop, beacon=self.beacon)

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
        await self.seek_wait(wanted)
        self._committed_offset.clear()
        self._booked = {tp: offset for tp, offset in wanted.items() if offset}

    def _to_message(self, tp: TP, record: FetchedRecords) -> Any:
        # The scheduler, WholeFetches, deals out lists.
        return Parcel(tp, record, self.app.consumer_generation_id)

    # Faust commits what these two say, once every broker_commit_interval, where it is more than it committed before.

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._booked) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._booked.get(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A parcel stands for many offsets: what lies between two of them is no gap."""


def _mismatch(tp: TP, end: int, position: int) -> str:
    return (
        f"partition {tp.partition} of {tp.topic} ends at offset {end}, but the database has read it up to {position}: "
        "the log was emptied or is another one. Give the topics a new prefix, or use an empty database."
    )


class PositionedTransport(aiokafka.Transport):
    """The Kafka transport with that consumer."""

    Consumer: ClassVar[Any] = PositionedConsumer
