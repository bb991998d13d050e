"""How late endpoints get their webhooks while others hang: python tests/bench/bench_deliveries.py --help

A deliverer in a process of its own, a receiver in another, an embedded PostgreSQL. Every few seconds one event is
written for all endpoints in one transaction; the latency of a delivery runs from the beginning of that transaction to
the arrival of the whole request. Endpoints that hang take a request and never answer. Every request needs a
connection of its own, as with so many hosts. Prints one JSON object; exit code 1 where something was lost.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import structlog
from bench_ingest import embedded, fresh_database
from machine import machine
from sqlalchemy import Engine, select, text

sys.path.insert(0, str(Path(__file__).parents[1]))
from hostile_receiver import serve_in_process

from alerts.delivery import outbox
from alerts.delivery.deliveries import Deliverer
from alerts.delivery.endpoints import Endpoint
from storage.connection import connect
from storage.schema import migrate
from storage.tables import deliveries

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"


class Note(msgspec.Struct):
    """A payload as long as an alert's."""

    number: int
    text: str


def endpoints(url: str, good: int, hanging: int) -> list[Endpoint]:
    """Their names are shuffled among each other, so that no order of names helps the good ones."""
    paths = [f"/ok/{number}" for number in range(good)] + [f"/hang/{number}" for number in range(hanging)]
    return [Endpoint(path[::-1].strip("/").replace("/", "-"), url + path, SECRET, allow_private=True) for path in paths]


def deliver(database_url: str, chosen: Sequence[Endpoint], stop: Any) -> None:
    """The deliverer's process, set as the product sets it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    halt = threading.Event()
    threading.Thread(target=lambda: (stop.wait(), halt.set()), daemon=True).start()
    Deliverer(connect(database_url), chosen, lambda: datetime.now(UTC)).run(halt)


def measure(database_url: str, *, good: int, hanging: int, events: int, every_s: float) -> dict[str, Any]:
    """Latencies in seconds of the good endpoints' deliveries, and what was lost."""
    spawn = multiprocessing.get_context("spawn")
    engine = connect(database_url)
    migrate(engine)
    ours, theirs = spawn.Pipe()
    receiver = spawn.Process(target=serve_in_process, args=(theirs,))
    receiver.start()
    chosen = endpoints(ours.recv(), good, hanging)
    stop = spawn.Event()
    deliverer = spawn.Process(target=deliver, args=(database_url, chosen, stop))
    deliverer.start()
    _wait_until_it_listens(engine)
    process = psutil.Process(deliverer.pid)
    before = _cpu_s(process)
    try:
        for number in range(events):
            _write(engine, chosen, number)
            time.sleep(every_s)
        arrivals = _arrivals(ours, good * events)
        spent = _cpu_s(process) - before
        with engine.connect() as connection:
            rows = connection.execute(select(deliveries.c.webhook_id, deliveries.c.created_at)).all()
        written = {row.webhook_id: row.created_at.timestamp() for row in rows}
    finally:
        stop.set()
        deliverer.join(60)
        ours.send(None)
        receiver.join(10)
        engine.dispose()
    cpu_ms = round(spent / len(arrivals) * 1000, 2)
    return _figures(arrivals, written, good, hanging, events) | {"deliverer_cpu_ms_per_request": cpu_ms}


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait_until_it_listens(engine: Engine) -> None:
    listening = "select 1 from pg_stat_activity where query ilike 'listen %' and datname = current_database()"
    for _ in range(600):
        with engine.connect() as connection:
            if connection.execute(text(listening)).first():
                return
        time.sleep(0.1)
    raise TimeoutError("the deliverer does not listen after a minute")


def _write(engine: Engine, chosen: Sequence[Endpoint], number: int) -> None:
    with engine.begin() as connection:
        outbox.put(
            connection,
            endpoints=[each.name for each in chosen],
            event_type="alert.opened",
            about=str(number),
            payload=Note(number, "x" * 4000),
            now=datetime.now(UTC),
        )


def _arrivals(ours: Any, wanted: int) -> list[tuple[str, str, float]]:
    for _ in range(60):
        ours.send("arrivals")
        found: list[tuple[str, str, float]] = ours.recv()
        if len({(path, key) for path, key, _ in found if path.startswith("/ok/")}) >= wanted:
            return found
        time.sleep(1)
    return found


def _figures(
    arrivals: Sequence[tuple[str, str, float]], written: Mapping[str, float], good: int, hanging: int, events: int
) -> dict[str, Any]:
    first: dict[tuple[str, str], float] = {}
    for path, key, at in arrivals:
        first.setdefault((path, key), at)
    late = [at - written[key] for (path, key), at in first.items() if path.startswith("/ok/")]
    p50, p99 = (round(float(np.quantile(np.array(late), q)), 3) for q in (0.5, 0.99))
    return {
        "endpoints": good + hanging,
        "hanging": hanging,
        "events": events,
        "deliveries": len(late),
        "lost": good * events - len(late),
        "requests": len(arrivals),
        "p50_s": p50,
        "p99_s": p99,
        "slowest_s": round(max(late), 3),
    }


def main() -> int:
    """Measures, prints, and says whether nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--good", type=int, default=900)
    parser.add_argument("--hanging", type=int, default=100)
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--every-s", type=float, default=5.0)
    parser.add_argument("--database", help="a PostgreSQL server; left out: an embedded one")
    given = parser.parse_args()
    with embedded() if not given.database else nullcontext(given.database) as server, fresh_database(server) as url:
        found = measure(url, good=given.good, hanging=given.hanging, events=given.events, every_s=given.every_s)
    print(json.dumps(found | {"machine": machine()}, indent=2))
    return 1 if found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
