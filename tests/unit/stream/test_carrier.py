"""The carrier and its lanes, with a consumer that only notes what it is told: booked first, told to Kafka after."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from faust.types import TP

from storage.errors import PositionError
from storage.records import Origin, Retraction
from stream import rereading as rereading_module
from stream.backoff import StoppedError
from stream.carrier import Carrier
from stream.lane import Lane, pace_s
from stream.log_records import Entry

SCORED = TP("documents.scored", 0)


NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)


def entry(offset: int, *, age_s: float = 0.0) -> Entry:
    arrived_at = NOW - timedelta(seconds=age_s)
    takedown = Retraction(
        document_id=UUID(int=offset),
        origin=Origin(topic="documents.raw", partition=0, offset=offset),
        published_at=arrived_at,
        arrived_at=arrived_at,
        revised_at=arrived_at,
    )
    return Entry(*SCORED, offset, takedown)


def entries(*offsets: int) -> list[Any]:
    return [entry(offset) for offset in offsets]


def read(records: Sequence[Any]) -> list[Any]:
    """The lane's reader: here, records are entries already."""
    return list(records)


@dataclass
class Consumer:
    notes: list[str] = field(default_factory=list)

    def assignment(self) -> set[TP]:
        return {SCORED}

    end: int = 100

    def highwater(self, _tp: TP) -> int:
        return self.end

    def stop_flow(self) -> None:
        self.notes.append("stop flow")

    async def wait_for_stopped_flow(self) -> None:
        self.notes.append("flow stopped")

    async def seek_wait(self, places: dict[TP, int]) -> None:
        self.notes.append(f"seek {places[SCORED]}")

    def booked(self, ends: dict[tuple[str, int], int]) -> None:
        self.notes.append(f"done to {ends[SCORED]}")

    def resume_flow(self) -> None:
        self.notes.append("resume flow")

    async def perform_seek(self) -> None:
        self.notes.append("seek to positions")


class Books:
    """Notes batches and moves the position; fails or waits on command."""

    def __init__(self, notes: list[str], positions: dict[tuple[str, int], int]) -> None:
        self.notes = notes
        self.positions = positions
        self.failure: Exception | None = None
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def book(self, records: Sequence[Entry]) -> None:
        self.entered.set()
        self.go.wait(10)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        self.positions[SCORED] = records[-1].offset + 1
        self.notes.append("book " + ",".join(str(record.offset) for record in records))


class World:
    """One carrier at offset 5 of one partition, in a log that begins at `log_begins`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, log_begins: int = 0) -> None:
        self.notes: list[str] = []
        self.stop = threading.Event()
        self.consumer = Consumer(self.notes)
        self.positions: dict[tuple[str, int], int] = {("documents.scored", 0): 5}
        self.books = Books(self.notes, self.positions)
        self.lost: list[tuple[str, int, int, int]] = []
        self.carrier = Carrier(
            "nowhere:9092",
            engine=None,  # type: ignore[arg-type]
            stop=self.stop,
            expect=lambda _assigned: None,
            lose=lambda *span: self.lost.append(span),
            went_back=lambda: self.notes.append("doubt the copy"),
        )
        monkeypatch.setattr(self.carrier, "_read_positions", lambda: self.positions)
        monkeypatch.setattr(
            rereading_module, "first_offset_from", lambda _bootstrap, _topic, _number, offset: max(offset, log_begins)
        )
        assert self.carrier.positions({SCORED}) == {SCORED: 5}

    def lane(self, *, at_once: int) -> Lane:
        return Lane("scored", self.carrier, read, self.books.book, at_once=at_once, clock=lambda: NOW)

    async def carry(self, *offsets: int) -> None:
        await self.carrier.carry(entries(*offsets), self.books.book, self.consumer)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


BACK = ["doubt the copy", "stop flow", "flow stopped", "seek to positions", "resume flow"]
REREAD = ["stop flow", "flow stopped", "seek 6", "resume flow"]


async def test_a_batch_is_booked_and_kafka_is_told_after(world: World) -> None:
    await world.carry(5, 6)
    assert world.notes == ["book 5,6", "done to 7"]


async def test_redelivered_records_are_not_booked(world: World) -> None:
    await world.carry(3, 4)
    assert world.notes == []


async def test_a_gap_books_what_is_in_order_and_goes_back_for_the_rest(world: World) -> None:
    await world.carry(5, 8, 9)
    assert world.notes == ["book 5", "done to 6", *REREAD]


async def test_records_that_were_on_their_way_before_the_seek_do_not_seek_again(world: World) -> None:
    await world.carry(5, 8)
    await world.carry(9)
    assert world.notes == ["book 5", "done to 6", *REREAD]
    await world.carry(6, 7, 8)
    assert world.notes[-2:] == ["book 6,7,8", "done to 9"]


async def test_records_that_never_come_are_sought_after_two_looks(world: World) -> None:
    """Faust dropped the last records of a quiet topic: nothing comes after them that could show the gap."""
    await world.carrier.watch(world.consumer)
    assert world.notes == []
    await world.carrier.watch(world.consumer)
    assert "seek 5" in world.notes


async def test_a_topic_that_is_read_to_its_end_is_left_alone(world: World) -> None:
    world.consumer.end = 5
    for _ in range(3):
        await world.carrier.watch(world.consumer)
    assert world.notes == []


async def test_a_topic_that_moves_is_left_alone(world: World) -> None:
    await world.carrier.watch(world.consumer)
    await world.carry(5)
    await world.carrier.watch(world.consumer)
    assert world.notes == ["book 5", "done to 6"]


async def test_what_the_log_no_longer_has_is_lost_with_its_offsets_and_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, log_begins=20)
    await world.carry(20)
    assert world.lost == [("documents.scored", 0, 5, 20)]
    assert "seek 20" in world.notes
    await world.carry(20)
    assert world.notes[-2:] == ["book 20", "done to 21"]


async def test_books_that_refuse_what_follows_what_they_have_lost_are_read_to_anew(world: World) -> None:
    world.books.failure = PositionError("the books stand before")
    await world.carry(5)
    assert world.notes == BACK


async def test_books_that_were_taken_back_while_a_loss_is_noted_are_read_to_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, log_begins=20)

    def refuse(*_span: object) -> None:
        raise PositionError("the books stand before")

    world.carrier._rereading._lose = refuse
    await world.carry(20)
    assert world.notes == BACK


async def test_books_that_were_taken_back_are_noticed_on_a_quiet_topic_too(world: World) -> None:
    world.consumer.end = 5
    world.positions[SCORED] = 3
    await world.carrier.watch(world.consumer)
    assert world.notes == BACK


async def test_a_partition_without_a_position_is_sought_first(world: World) -> None:
    world.carrier._order.assigned({})
    await world.carry(5)
    assert world.notes == ["seek to positions"]


async def test_a_partition_that_the_books_do_not_know_begins_at_zero(world: World) -> None:
    world.positions = {}
    assert world.carrier.positions({SCORED}) == {SCORED: 0}


async def test_a_batch_that_failed_is_not_passed(world: World) -> None:
    world.books.failure = KeyError("defect")
    with pytest.raises(KeyError):
        await world.carry(5)
    assert world.notes == []
    await world.carry(6)
    assert "seek 5" in world.notes


async def test_nothing_is_booked_once_we_are_to_stop(world: World) -> None:
    world.stop.set()
    await world.carry(5)
    assert world.notes == []


async def test_a_stop_in_the_middle_finishes_the_batch(world: World) -> None:
    world.books.go.clear()
    task = asyncio.create_task(world.carry(5))
    await asyncio.to_thread(world.books.entered.wait, 10)
    task.cancel()
    world.books.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.notes == ["book 5", "done to 6"]


async def test_a_lane_gathers_the_next_batch_while_one_is_booked(world: World) -> None:
    lane = world.lane(at_once=10)
    world.books.go.clear()
    async with lane.running(world.consumer):
        await lane.put(entries(5))
        await asyncio.to_thread(world.books.entered.wait, 10)
        await lane.put(entries(6))
        await lane.put(entries(7, 8))
        world.books.go.set()
        await until(lambda: "done to 9" in world.notes)
    assert [note for note in world.notes if note.startswith("book")] == ["book 5", "book 6,7,8"]


async def test_after_a_batch_a_lane_waits_for_its_turn_or_for_a_full_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.lane._LEAST_PACE_S", 3600)
    monkeypatch.setattr("stream.lane._MOST_PACE_S", 3600)
    lane = world.lane(at_once=3)
    async with lane.running(world.consumer):
        await lane.put(entries(5))
        await until(lambda: "done to 6" in world.notes)
        await lane.put(entries(6))
        await lane.put(entries(7))
        for _ in range(100):
            await asyncio.sleep(0)
        assert "book 6" not in world.notes
        await lane.put(entries(8))
        await until(lambda: "done to 9" in world.notes)
    assert [note for note in world.notes if note.startswith("book")] == ["book 5", "book 6,7,8"]


@pytest.mark.parametrize(
    ("ages_s", "pace"),
    [
        pytest.param([0.02, 0.04], 0.1, id="fresh news ten times a second"),
        pytest.param([60.0, 0.02], 0.1, id="fresh news among old ones too"),
        pytest.param([0.4, 0.3], 0.3, id="in between as long as the youngest has been under way"),
        pytest.param([60.0, 70.0], 0.5, id="a backlog twice a second"),
        pytest.param([-5.0], 0.1, id="a broker whose clock runs ahead"),
    ],
)
def test_the_next_transaction_comes_the_later_the_older_the_records_are(ages_s: list[float], pace: float) -> None:
    assert pace_s([entry(5 + place, age_s=age) for place, age in enumerate(ages_s)], NOW) == pytest.approx(pace)


async def test_a_lane_makes_faust_wait_while_a_full_batch_waits(world: World) -> None:
    lane = world.lane(at_once=2)
    await lane.put(entries(5, 6))
    waiting = asyncio.create_task(lane.put(entries(7)))
    await asyncio.sleep(0)
    assert not waiting.done()
    async with lane.running(world.consumer):
        await waiting
        await until(lambda: "done to 8" in world.notes)


async def test_a_lane_cuts_what_came_together_into_batches(world: World) -> None:
    lane = world.lane(at_once=2)
    async with lane.running(world.consumer):
        await lane.put(entries(5, 6, 7, 8, 9))
        await until(lambda: "done to 10" in world.notes)
    assert [note for note in world.notes if note.startswith("book")] == ["book 5,6", "book 7,8", "book 9"]


@pytest.mark.parametrize("failure", [KeyError("defect"), StoppedError("told to stop")])
async def test_a_lane_outlives_a_batch_that_fails(
    world: World, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.lane._AFTER_DEFECT_S", 0)
    world.books.failure = failure
    lane = world.lane(at_once=10)
    async with lane.running(world.consumer):
        await lane.put(entries(5))
        await until(lambda: world.books.failure is None)
        await lane.put(entries(5))
        await until(lambda: "done to 6" in world.notes)
    assert world.notes == ["book 5", "done to 6"]


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)
