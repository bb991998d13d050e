"""Which offsets may be committed: those before the first record of a partition that is still in work.

Batches are packed by length, so records finish out of order; a commit must never pass one that has not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

__all__ = ["InWork"]

Partition = tuple[str, int]


class InWork:
    """The records that were read and whose outcome is not yet on disk. Safe between threads."""

    def __init__(self) -> None:
        self._open: dict[Partition, set[int]] = {}
        self._read_to: dict[Partition, int] = {}
        self._changed = threading.Condition()

    def began(self, topic: str, partition: int, offset: int) -> None:
        """A record was read. Offsets of a partition begin in rising order."""
        with self._changed:
            self._open.setdefault((topic, partition), set()).add(offset)
            self._read_to[topic, partition] = offset + 1

    def done(self, topic: str, partition: int, offset: int) -> None:
        """The outcome of a record is on disk. A partition that was forgotten meanwhile is none of our business."""
        with self._changed:
            self._open.get((topic, partition), set()).discard(offset)
            self._changed.notify_all()

    def committable(self) -> dict[Partition, int]:
        """For each partition of ours, the offset to go on with after a restart: all before it is on disk."""
        with self._changed:
            return {one: min(self._open[one], default=read_to) for one, read_to in self._read_to.items()}

    def unfinished(self) -> int:
        """How many records are in work."""
        with self._changed:
            return sum(len(offsets) for offsets in self._open.values())

    def wait_finished(self, partitions: Iterable[Partition], timeout_s: float) -> bool:
        """Waits until nothing of these partitions is in work; False when that takes longer than `timeout_s`."""
        wanted = list(partitions)
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._open.get(one) for one in wanted), timeout_s)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """These partitions now belong to another worker."""
        with self._changed:
            for partition in partitions:
                self._open.pop(partition, None)
                self._read_to.pop(partition, None)
            self._changed.notify_all()
