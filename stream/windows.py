"""The windows stage: a Faust app that carries records from the log to the ledger, each exactly once.

Faust carries; it decides nothing. `ReadingOrder` sees to it that no record is skipped, the ledger that none counts
twice, and the position in PostgreSQL, not the offset in Kafka, says where to go on. See decision 0006.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import faust
import structlog

from storage.hot_windows import HotWindows
from storage.ingest import Ingest, ReadTo
from stream.backoff import StoppedError, persist
from stream.bookkeeping import Bookkeeping
from stream.carrier import Carrier
from stream.errors import StreamError
from stream.hot_mirror import HotMirror
from stream.lane import Lane
from stream.parcels import WholeFetches
from stream.positioned_consumer import PositionedTransport
from stream.topics import Topics, TopicsError, partition_count

__all__ = ["WindowsApp", "WindowsError", "build_app", "run", "serve"]

_log = structlog.get_logger()

_DEAD_AT_ONCE = 50
"""Dead letters are whole raw records, up to 16 MiB each, so few go together."""

_PARCELS_AHEAD = 4
"""What waits before an agent, in fetches of one partition each: with 4 MiB each, what memory the backlog takes."""

_MEND_EVERY_S = 2.0
_WATCH_EVERY_S = 3.0
_NOTICE_STOP_S = 0.2


class WindowsError(StreamError):
    """The Faust app crashed: the cause is attached. Build another app and go on."""


class WindowsApp(faust.App):
    """The app, and what it carries with. Build it with `build_app`."""

    stop_work: threading.Event
    carrier: Carrier
    books: Bookkeeping
    mirror: HotMirror
    bootstrap: str
    wanted_topics: Topics

    def positions(self, assigned: set[Any]) -> Any:
        """For the consumer: where each of our partitions goes on."""
        return self.carrier.positions(assigned)


def build_app(
    bootstrap: str,
    topics: Topics,
    group: str,
    ingest: Ingest,
    hot: HotWindows,
    *,
    batch_size: int,
    data_dir: Path,
    clock: Callable[[], datetime],
) -> WindowsApp:
    """One worker of the group `group`; run as many as there are partitions, each in its own process.

    A batch holds up to `batch_size` scored documents: what has gathered while the one before it was booked. A lone
    document is booked at once. Faust writes nothing of value into `data_dir`. `clock` says how old records are.
    """
    app = WindowsApp(group, **_faust_settings(bootstrap, data_dir))
    app.transport = PositionedTransport(app.conf.broker_consumer, app)
    app.stop_work = threading.Event()
    app.bootstrap = bootstrap
    app.wanted_topics = topics
    app.mirror = HotMirror(hot, ingest._engine)
    app.carrier = Carrier(
        bootstrap,
        ingest._engine,
        app.stop_work,
        expect=lambda assigned: ingest.expect(
            [ReadTo(tp.topic, tp.partition, 0) for tp in assigned if tp.topic == topics.scored]
        ),
        lose=ingest.lose,
        went_back=app.mirror.doubt,
    )
    app.books = books = Bookkeeping(ingest, app.mirror, app.stop_work, clock=clock)
    lane = partial(Lane, carrier=app.carrier, clock=clock)
    scored = partial(lane, "scored", read=books.read_scored, book=books.scored, at_once=batch_size)
    dead = partial(lane, "dead", read=books.read_dead, book=books.dead, at_once=_DEAD_AT_ONCE)
    _add_agent(app, "scored", topics.scored, scored)
    _add_agent(app, "dead", topics.dead, dead)

    @app.timer(_MEND_EVERY_S, name="mend")  # type: ignore[untyped-decorator]
    async def mend() -> None:
        await asyncio.to_thread(app.mirror.mend)

    @app.timer(_WATCH_EVERY_S, name="watch")  # type: ignore[untyped-decorator]
    async def watch() -> None:
        try:
            await app.carrier.watch(app.consumer)
        except StoppedError:
            _log.info("watch_left")

    return app


def run(app: WindowsApp, stop: threading.Event) -> None:
    """Runs the app until `stop` is set, then finishes the batch in hand and leaves the group.

    Waits for a broker or a database that is away. Raises WindowsError when the app crashes; an app runs once.
    """
    try:
        for topic in (app.wanted_topics.scored, app.wanted_topics.dead):
            persist(
                lambda topic=topic: partition_count(app.bootstrap, topic),  # type: ignore[misc]
                service="broker",
                absent=(TopicsError,),
                stop=stop,
            )
    except StoppedError:
        return
    Path(app.conf.datadir).mkdir(parents=True, exist_ok=True)  # Faust makes the last folder only
    gc.collect()
    gc.freeze()  # what a start leaves behind stays: the collector need not look at it for every few batches
    asyncio.run(_run(app, stop))


def serve(build: Callable[[], WindowsApp], stop: threading.Event) -> None:
    """Runs apps until `stop` is set: after a crash, another one, ever more slowly."""
    try:
        persist(lambda: run(build(), stop), service="windows", absent=(WindowsError,), stop=stop)
    except StoppedError:
        return


async def _run(app: WindowsApp, stop: threading.Event) -> None:
    try:
        await app.start()
        _log.info("windows_started", group=app.conf.id)
        while not (stop.is_set() or app.should_stop or app.crashed):
            await asyncio.sleep(_NOTICE_STOP_S)
    except Exception as error:
        raise WindowsError(f"the windows app did not start: {error}") from error
    finally:
        app.stop_work.set()
        await app.stop()
        await asyncio.to_thread(app.books.finish)
        _log.info("windows_stopped")
    if app.crash_reason is not None and not stop.is_set():
        raise WindowsError(f"the windows app crashed: {app.crash_reason}") from app.crash_reason


def _add_agent(app: WindowsApp, name: str, topic: str, make: Callable[[], Lane]) -> None:
    channel = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(channel, name=name)
    async def carry(stream: Any) -> None:  # a faust.Stream of parcels
        stream.enable_acks = False  # what is done is what is booked: see PositionedConsumer.booked
        lane = make()
        async with lane.running(app.consumer):
            async for event in stream.events():
                await lane.put(event.message.records)


def _faust_settings(bootstrap: str, data_dir: Path) -> dict[str, Any]:
    return {
        "broker": [f"kafka://{address.strip()}" for address in bootstrap.split(",")],
        "datadir": str(data_dir),
        "store": "memory://",
        "table_standby_replicas": 0,  # no tables: so the plain round-robin assignor is used
        "autodiscover": False,
        "web_enabled": False,
        "topic_allow_declare": False,  # topics are ours: see stream/topics.py
        "topic_disable_leader": True,  # else it makes one more topic, to elect a leader that nobody asks
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": 10_000,  # so soon partitions that were added are read
        "consumer_max_fetch_size": 4 * 1024 * 1024,
        "ConsumerScheduler": WholeFetches,
        "stream_buffer_maxsize": _PARCELS_AHEAD,
        "stream_recovery_delay": 0.0,
        "stream_wait_empty": False,  # what is not booked is read again, so a stop need not wait for it
        "broker_commit_interval": 1.0,
        "broker_request_timeout": 90.0,
        "broker_session_timeout": 10.0,  # so long a killed worker keeps its partitions from the others
        "broker_heartbeat_interval": 2.0,
        "broker_max_poll_interval": 3600.0,  # a database may be away for long; heartbeats tell that we live
    }
