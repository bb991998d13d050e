"""The two contestants of bench_windows.py, each a process of its own: `windows_worker.py windows|faust SETTINGS`.

Each says on stdout when its first records are done and when all are, with a monotonic time and the count: a start
takes a second or two and is no matter of speed. SETTINGS is a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import faust
import redis
import structlog

from storage.connection import connect
from storage.hot_windows import HotWindows
from storage.ingest import Ingest, Ingested
from stream.documents import decode_scored
from stream.topics import Topics
from stream.windows import build_app, run


class Progress:
    """Counts records done and tells the parent of the first ones and the last."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._done = 0
        self.finished = threading.Event()

    def note(self, records: int) -> None:
        """So many more records are done."""
        first, self._done = not self._done, self._done + records
        if first:
            self._tell("first")
        if self._done >= self._wanted and not self.finished.is_set():
            self._tell("last")
            self.finished.set()

    def _tell(self, what: str) -> None:
        print(json.dumps({"what": what, "at": time.monotonic(), "done": self._done}), flush=True)


class WatchedIngest(Ingest):
    """The real ledger; what it has committed counts as done."""

    progress: Progress

    def scored(self, *batch: Any) -> Ingested:
        """Books a batch and notes it."""
        done = super().scored(*batch)
        self.progress.note(done.fresh)
        return done


def windows(settings: dict[str, Any]) -> None:
    """Our windows stage: scored records in, committed rows and hot windows out."""
    engine = connect(settings["database"])
    ingest = WatchedIngest(engine, allowed_lateness=timedelta(hours=1), clock=lambda: datetime.now(UTC))
    ingest.progress = Progress(settings["documents"])
    prefix = settings["name"]
    app = build_app(
        settings["kafka"],
        Topics.prefixed(settings["prefix"]),
        prefix,
        ingest,
        HotWindows(redis.Redis.from_url(settings["redis"]), prefix=prefix, keep=timedelta(hours=48)),
        batch_size=settings["batch_size"],
        data_dir=Path(settings["folder"]) / prefix,
        clock=lambda: datetime.now(UTC),
    )
    run(app, ingest.progress.finished)


def table(settings: dict[str, Any]) -> None:
    """Faust's own tumbling-window table: a count per company and minute of event time, with its changelog."""
    progress = Progress(settings["documents"])
    app = faust.App(
        settings["name"],
        broker=f"kafka://{settings['kafka']}",
        store="memory://",
        datadir=str(Path(settings["folder"]) / settings["name"]),
        consumer_auto_offset_reset="earliest",
        autodiscover=False,
        web_enabled=False,
        topic_partitions=settings["partitions"],
    )
    topic = app.topic(f"{settings['prefix']}documents.scored", value_type=bytes, value_serializer="raw")
    counts = app.Table("counts", default=int, partitions=settings["partitions"]).tumbling(timedelta(minutes=1))

    @app.agent(topic)
    async def count(stream: Any) -> None:
        async for value in stream:
            for mention in decode_scored(value).mentions:
                counts[mention.entity_id] += 1
            progress.note(1)

    asyncio.run(_run(app, progress.finished, counts))


async def _run(app: faust.App, finished: threading.Event, counts: Any) -> None:
    await app.start()
    while not finished.is_set():
        await asyncio.sleep(0.2)
    counted = sum(counts.table.values())
    print(json.dumps({"what": "counted", "at": time.monotonic(), "done": counted}), flush=True)
    await app.stop()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    {"windows": windows, "faust": table}[sys.argv[1]](json.loads(sys.argv[2]))
