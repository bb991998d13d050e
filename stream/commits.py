"""Which offsets may be committed: those before the first record of a partition that is still in work.

Batches are packed by length, so records finish out of order; a commit must never pass one that has not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["InWork", "Load"]

Partition = tuple[str, int]


class Load(NamedTuple):
    """How much of a topic is in work."""

    records: int
    bytes: int


class InWork:
    """The records that were read and whose outcome is not yet on disk. Safe between threads."""

    def __init__(self) -> None:
        self._open: dict[Partition, dict[int, int]] = {}
        self._read_to: dict[Partition, int] = {}
        self._changed = threading.Condition()

    def began(self, topic: str, partition: int, offset: int, size: int = 0) -> None:
        """A record of `size` bytes was read. Offsets of a partition begin in rising order."""
        with self._changed:
            self._open.setdefault((topic, partition), {})[offset] = size
            self._read_to[topic, partition] = offset + 1

    def done(self, topic: str, partition: int, offset: int) -> None:
        """The outcome of a record is on disk. A partition that was forgotten meanwhile is none of our business."""
        with self._changed:
            self._open.get((topic, partition), {}).pop(offset, None)
            self._changed.notify_all()

    def committable(self) -> dict[Partition, int]:
        """For each partition of ours, the offset to go on with after a restart: all before it is on disk."""
        with self._changed:
            return {one: min(self._open[one], default=read_to) for one, read_to in self._read_to.items()}

    def load(self, topic: str) -> Load:
        """How much of a topic is in work."""
        with self._changed:
            ours = [sizes for (name, _), sizes in self._open.items() if name == topic]
            return Load(sum(map(len, ours)), sum(sum(sizes.values()) for sizes in ours))

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
