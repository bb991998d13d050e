"""What a source is, and what it publishes to: the two shapes that every file of this package agrees on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

__all__ = ["Acknowledged", "Clock", "Sink", "Source"]

Clock = Callable[[], datetime]
"""Tells the time, aware and in UTC."""

Acknowledged = Callable[[Exception | None], None]
"""Called once a record's fate is known: None when the broker has it on disk, else why not."""


class Source(Protocol):
    """Something that documents come from."""

    @property
    def name(self) -> str:
        """The name from the settings, for logs and metrics."""
        ...

    def run(self, stop: threading.Event) -> None:
        """Publishes documents until `stop` is set or there are no more; leaves nothing unacknowledged unsaid.

        A broker that is away is waited for. Raises SourceError for what an operator must mend.
        """
        ...


class Sink(Protocol):
    """Where documents go: `stream.publisher.Publisher`, or `MemorySink` in tests. Safe between threads."""

    def publish_record(
        self,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: tuple[tuple[str, bytes], ...] = (),
        on_ack: Acknowledged | None = None,
    ) -> None:
        """Queues bytes as they are. Raises PublishError when they cannot be queued."""
        ...

    def poll(self, timeout_s: float = 0.0) -> None:
        """Runs the acknowledgements that are due; waits up to `timeout_s` for one."""
        ...

    def flush(self, timeout_s: float = 30.0) -> int:
        """Waits until every record's fate is known. Returns how many are still unknown."""
        ...
