"""Looks after a running stack: a service that was killed is started again, with the data that it had."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from deploy.embedded.stack import EmbeddedStack
from deploy.errors import EmbeddedError

__all__ = ["watched_stack"]

_log = structlog.get_logger()
_LOOK_EVERY_S = 2.0
_LONGEST_DELAY_S = 60.0


@contextmanager
def watched_stack(stack: EmbeddedStack, *, every_s: float = _LOOK_EVERY_S) -> Iterator[None]:
    """While the block runs, starts services of `stack` that died. One that does not start is tried ever more slowly."""
    done = threading.Event()

    def watch() -> None:
        delay_s = every_s
        while not done.wait(delay_s):
            if stack.running() is not None:
                delay_s = every_s
                continue
            _log.error("service_died", folder=str(stack.folder))
            try:
                stack.start()
            except EmbeddedError as error:
                delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
                _log.error("service_not_started", error=error.what, again_in_s=delay_s)

    thread = threading.Thread(target=watch, name="stack-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
