"""Live alerts: a bell in the database, the history behind it, and a stream that misses nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from console_stage import ConsoleStage, wall_clock
from eventually import eventually
from fastapi.sse import ServerSentEvent
from sqlalchemy import text

from alerts.api.live import alert_feed
from alerts.live import Live, TooManyWatchersError


@contextmanager
def listening(live: Live) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=live.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def read(staged: ConsoleStage, seen: list[ServerSentEvent], last: str | None = None) -> None:
    async for event in alert_feed(staged.parts, last):
        seen.append(event)


async def until(seen: list[ServerSentEvent], count: int) -> None:
    await asyncio.to_thread(eventually, lambda: len(seen) >= count, what=f"{count} events")


async def test_a_watcher_hears_of_an_answer_and_is_let_go_at_the_end(own_console: ConsoleStage):
    seen: list[ServerSentEvent] = []
    with listening(own_console.parts.live):
        watching = asyncio.create_task(read(own_console, seen))
        await until(seen, 1)
        await asyncio.to_thread(own_console.parts.desk.acknowledge, own_console.alert_id(), actor="ada")
        await until(seen, 2)
    await asyncio.wait_for(watching, 20)

    event = seen[1]
    assert (event.event, event.data["name"], event.data["to_status"]) == ("alert", "Acme Ltd", "acknowledged")
    assert event.data["actor"] == "ada"


async def test_what_was_missed_comes_first_and_nothing_twice(own_console: ConsoleStage):
    seen: list[ServerSentEvent] = []
    with listening(own_console.parts.live):
        watching = asyncio.create_task(read(own_console, seen, last="0"))
        await until(seen, 3)
        await asyncio.to_thread(own_console.parts.desk.comment, own_console.alert_id(), actor="ada", reason="hm")
        await until(seen, 4)
    await asyncio.wait_for(watching, 20)

    ids = [int(event.id) for event in seen if event.id]
    assert ids == sorted(set(ids))
    assert len(ids) == 3


async def test_an_entry_that_becomes_visible_after_a_later_one_is_told(own_console: ConsoleStage):
    entry = text(
        "INSERT INTO alert_history (alert_id, at, to_status, actor, reason) VALUES (:id, now(), 'firing', 'x', :why)"
    )
    alert_id, seen = own_console.alert_id(), []
    with listening(own_console.parts.live), own_console.database.connect() as early:
        watching = asyncio.create_task(read(own_console, seen))
        await until(seen, 1)
        early.execute(entry, {"id": alert_id, "why": "first number, last to commit"})
        await asyncio.to_thread(own_console.parts.desk.comment, alert_id, actor="ada", reason="second number")
        await until(seen, 2)
        early.commit()
        await until(seen, 3)
    await asyncio.wait_for(watching, 20)

    assert [event.data["reason"] for event in seen[1:]] == ["second number", "first number, last to commit"]


async def test_a_watcher_that_does_not_keep_up_is_told_to_come_again(console: ConsoleStage):
    live = Live(console.database, clock=wall_clock)
    with live.watching() as queue:
        for _ in range(queue.maxsize + 1):
            live._tell(object())  # type: ignore[arg-type]
        await asyncio.sleep(0)

        assert [queue.get_nowait() for _ in range(queue.qsize())] == [None]


async def test_no_more_watch_than_may(console: ConsoleStage):
    live = Live(console.database, clock=wall_clock, most_watchers=1)
    with live.watching(), pytest.raises(TooManyWatchersError), live.watching():
        pass
    with live.watching():
        pass
