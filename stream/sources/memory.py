"""A broker in memory, to test sources with: acknowledgement and loss are values in its hands."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from stream.documents import RawDocument
from stream.publisher import PublishError, QueueFullError
from stream.sources.source import Acknowledged

__all__ = ["MemoryRecord", "MemorySink"]

_document = msgspec.json.Decoder(RawDocument)


class MemoryRecord(msgspec.Struct, frozen=True):
    """One record as it was published."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class MemorySink:
    """Keeps what is published and acknowledges it at the next `poll` or `flush`.

    `away` keeps acknowledgements back until it is taken back, as a broker does that cannot be reached; meanwhile
    `room` records are queued at most. `refuses` tells by its key which record is refused for good.
    """

    def __init__(self, *, room: int = 20_000) -> None:
        self.records: list[MemoryRecord] = []
        self.away = False
        self.refuses: Callable[[bytes | None], bool] = lambda _key: False
        self._room = room
        self._open: list[tuple[MemoryRecord, Acknowledged | None]] = []
        self._lock = threading.RLock()

    def documents(self) -> list[RawDocument]:
        """What was acknowledged, read back. Raises msgspec.ValidationError where a record is no document."""
        return [_document.decode(record.value) for record in self.records]

    def publish_record(
        self,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: tuple[tuple[str, bytes], ...] = (),
        on_ack: Acknowledged | None = None,
    ) -> None:
        with self._lock:
            if len(self._open) >= self._room:
                self._settle()
            if len(self._open) >= self._room:
                raise QueueFullError("the queue is full")
            self._open.append((MemoryRecord(key, value or b"", headers), on_ack))

    def poll(self, timeout_s: float = 0.0) -> None:
        self._settle()
        if timeout_s:
            threading.Event().wait(min(timeout_s, 0.005))

    def flush(self, timeout_s: float = 30.0) -> int:
        self._settle()
        return len(self._open)

    def _settle(self) -> None:
        with self._lock:
            settled, self._open = ([], self._open) if self.away else (self._open, [])
            for record, on_ack in settled:
                refused = PublishError("the broker refuses this record") if self.refuses(record.key) else None
                if refused is None:
                    self.records.append(record)
                if on_ack is not None:
                    on_ack(refused)
