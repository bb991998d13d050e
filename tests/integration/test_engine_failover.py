"""One alert engine at a time, and another within five seconds when that one dies or stands still.

The first is in the middle of its transaction and holds the lock that engines take turns by. The second waits. Then
the first is killed, or stopped like a process on a machine that hangs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from alert_stage import Stage
from eventually import eventually
from sqlalchemy import Engine

WITHIN_S = 5.0


@pytest.fixture
def first(database_url: str) -> Iterator[subprocess.Popen[str]]:
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    child = subprocess.Popen(
        [sys.executable, str(here / "lock_child.py"), database_url],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"
    yield child
    child.kill()
    child.wait(10)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_another_engine_goes_on_within_five_seconds(
    database: Engine, first: subprocess.Popen[str], end: signal.Signals
) -> None:
    stage = Stage(database)
    stage.calm()
    stage.surge()
    stop = threading.Event()
    second = threading.Thread(target=stage.engine(poll_s=0.5).run, args=(stop,))
    second.start()
    try:
        assert stage.engine().once() == 0, "two engines are active"
        first.send_signal(end)
        since = monotonic()
        eventually(lambda: stage.alerts(), what="the second engine opens the alert")
        assert monotonic() - since < WITHIN_S
    finally:
        stop.set()
        second.join(30)
    assert stage.events() == ["alert.opened"]
