"""What tells a running process to stop: a signal, or the death of its supervisor."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

import structlog

__all__ = ["hold_lifeline", "stop_on_signals"]

_log = structlog.get_logger()
_GRACE_S = 60.0


def stop_on_signals(stop: threading.Event, force: threading.Event | None = None) -> None:
    """The first SIGTERM or SIGINT sets `stop`, a second one `force`, or ends the process where there is none."""

    def received(number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
        elif force is not None:
            force.set()
        else:
            os._exit(128 + number)

    signal.signal(signal.SIGTERM, received)
    signal.signal(signal.SIGINT, received)


def hold_lifeline(
    stop: threading.Event,
    *,
    descriptor: int | None = None,
    grace_s: float = _GRACE_S,
    end: Callable[[int], None] = os._exit,
) -> threading.Thread:
    """Watches the pipe on standard input: at its end the supervisor is gone, so `stop` is set.

    A process that has not stopped `grace_s` later is ended, since nobody else would.
    """

    def watch() -> None:
        source = sys.stdin.fileno() if descriptor is None else descriptor
        while os.read(source, 1024):
            pass
        if not stop.is_set():
            _log.warning("supervisor_gone")
            stop.set()
        threading.Event().wait(grace_s)
        end(1)

    thread = threading.Thread(target=watch, name="lifeline", daemon=True)
    thread.start()
    return thread
