"""A process with an alert engine and a deliverer, to be killed: `alert_child.py DATABASE_URL RECEIVER_URL`."""

from __future__ import annotations

import sys
import threading
from datetime import timedelta

from alert_stage import LATENESS, SECRET, surge_detector, wall_clock

from alerts.deliveries import Deliverer
from alerts.endpoints import Endpoint
from alerts.engine import AlertEngine, Timing
from alerts.retries import Schedule
from storage.connection import connect


def main(database_url: str, receiver_url: str) -> None:
    """Runs until it is killed."""
    stop = threading.Event()
    desk = Endpoint("desk", receiver_url, SECRET, allow_private=True)
    engine = AlertEngine(
        connect(database_url),
        [surge_detector()],
        [desk],
        clock=wall_clock,
        timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
        poll_s=0.1,
        jobs_at_once=7,
    )
    deliverer = Deliverer(
        connect(database_url),
        [desk],
        wall_clock,
        schedule=Schedule(first=timedelta(milliseconds=50)),
        lease=timedelta(seconds=1),
        poll_s=0.1,
    )
    threading.Thread(target=engine.run, args=(stop,), daemon=True).start()
    deliverer.run(stop)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
