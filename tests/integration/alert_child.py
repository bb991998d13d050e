"""A process with an alert engine, timers and a deliverer, to be killed.

`alert_child.py DATABASE_URL RECEIVER_URL [JOBS_AT_ONCE]`
"""

from __future__ import annotations

import sys
import threading
from datetime import timedelta

from alert_stage import LATENESS, SECRET, surge_detector, wall_clock

from alerts.delivery.deliveries import Deliverer
from alerts.delivery.endpoints import EVENTS, Endpoint
from alerts.delivery.retries import Schedule
from alerts.engine import AlertEngine, Timing
from alerts.timers import Timers
from storage.connection import connect


def main(database_url: str, receiver_url: str, jobs_at_once: int) -> None:
    """Runs until it is killed."""
    stop = threading.Event()
    desk = Endpoint("desk", receiver_url, SECRET, allow_private=True, events=EVENTS)
    engine = AlertEngine(
        connect(database_url),
        [surge_detector()],
        [desk],
        clock=wall_clock,
        timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
        poll_s=0.1,
        jobs_at_once=jobs_at_once,
    )
    deliverer = Deliverer(
        connect(database_url),
        [desk],
        wall_clock,
        schedule=Schedule(first=timedelta(milliseconds=50)),
        lease=timedelta(seconds=1),
        poll_s=0.1,
    )
    timers = Timers(connect(database_url), [desk], wall_clock)
    threading.Thread(target=engine.run, args=(stop,), daemon=True).start()
    threading.Thread(target=_scan, args=(timers, stop), daemon=True).start()
    deliverer.run(stop)


def _scan(timers: Timers, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        timers.once()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 7)
