"""Several long-running parts in one process: they stop together, and the failure of one ends all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

__all__ = ["Part", "run_together"]

Part = Callable[[threading.Event], None]
"""Runs until the event is set; raises when it cannot go on."""


def run_together(parts: Mapping[str, Part], stop: threading.Event) -> None:
    """Runs each part in a thread of its name until `stop`; raises the first failure after all have ended.

    When a part fails, `stop` is set for the others. A part that returns early leaves the others running.
    """
    failures: list[BaseException] = []

    def guarded(part: Part) -> None:
        try:
            part(stop)
        except BaseException as failure:
            failures.append(failure)
            stop.set()

    threads = [threading.Thread(target=guarded, args=(part,), name=name) for name, part in parts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
