"""A fetch travels through Faust as one message, and what is committed to Kafka is what the books say."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from unittest.mock import AsyncMock, Mock

from aiokafka.structs import ConsumerRecord
from faust.types import TP

from stream.parcels import Parcel, WholeFetches
from stream.positioned_consumer import PositionedConsumer

FIRST, SECOND = TP("documents.scored", 0), TP("documents.scored", 1)


def fetched(tp: TP, *offsets: int) -> list[Any]:
    return [ConsumerRecord(*tp, offset, 1_700_000_000_500, 0, None, b"{}", None, 0, 2, ()) for offset in offsets]


def consumer() -> Any:
    """A consumer whose thread and broker are absent: only what it keeps itself is looked at."""
    bare = PositionedConsumer.__new__(PositionedConsumer)
    bare._booked, bare._committed_offset = {}, defaultdict(lambda: None)
    return bare


def test_each_partition_is_dealt_out_whole_and_an_empty_one_not_at_all() -> None:
    records = {FIRST: fetched(FIRST, 4, 5, 7), SECOND: []}
    assert list(WholeFetches().iterate(records)) == [(FIRST, records[FIRST])]


def test_a_parcel_stands_where_its_last_record_stands_and_is_not_tracked() -> None:
    parcel = Parcel(FIRST, fetched(FIRST, 4, 5, 7), 3)
    assert (parcel.tp, parcel.offset, parcel.timestamp, parcel.generation_id) == (FIRST, 7, 1_700_000_000.5, 3)
    assert parcel.tracked, "Faust would keep it for ever: nobody acknowledges it"


async def test_only_what_is_booked_is_committed_and_only_once() -> None:
    ours = consumer()
    ours.booked({FIRST: 6})
    (tp,) = ours._filter_tps_with_pending_acks()
    assert (tp, ours._new_offset(tp)) == (FIRST, 6)
    assert ours._filter_committable_offsets([FIRST]) == {FIRST: 6}
    ours._committed_offset[FIRST] = 6
    assert ours._filter_committable_offsets([FIRST]) == {}


async def test_an_assignment_forgets_what_others_own_and_commits_the_positions() -> None:
    """The worker before us may have died between its transaction and its commit to Kafka."""
    ours = consumer()
    ours.booked({SECOND: 9})
    ours.assignment = Mock(return_value={FIRST})
    ours.app = Mock(positions=Mock(return_value={FIRST: 4}))
    ours.highwaters = AsyncMock(return_value={FIRST: 10})
    ours.seek_wait = AsyncMock()
    await ours.perform_seek()
    ours.seek_wait.assert_awaited_once_with({FIRST: 4})
    assert ours._booked == {FIRST: 4}
