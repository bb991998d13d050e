"""Whether records are the next of their partitions: the windows stage skips none, and trusts nobody not to skip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

__all__ = ["Placed", "ReadingOrder", "Sorted"]

Partition = tuple[str, int]


class Placed(Protocol):
    """Anything with a place in the log."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...

    @property
    def offset(self) -> int: ...


R = TypeVar("R", bound=Placed)


@dataclass
class Sorted(Generic[R]):
    """A batch, told apart."""

    next: list[R] = field(default_factory=list)
    """Each follows the one before it in its partition, without a gap: book them."""
    seen: list[R] = field(default_factory=list)
    """Booked before, or twice in this batch: redeliveries."""
    passed_over: set[Partition] = field(default_factory=set)
    """Partitions where records came too early, or that are not (or no longer) known as ours: read them again."""
    ends: dict[Partition, int] = field(default_factory=dict)
    """Where each partition is once `next` is booked."""


class ReadingOrder:
    """Where each partition of ours is. It starts from the positions that PostgreSQL keeps beside the data."""

    def __init__(self) -> None:
        self._next: dict[Partition, int] = {}

    def assigned(self, positions: Mapping[Partition, int]) -> None:
        """Our partitions and the offset that each goes on with; partitions left out are no longer ours."""
        self._next = dict(positions)

    def sort(self, records: Iterable[R]) -> Sorted[R]:
        """Tells a batch apart. Nothing moves on before `booked` says so."""
        told: Sorted[R] = Sorted()
        for record in records:
            partition = (record.topic, record.partition)
            expected = told.ends.get(partition, self._next.get(partition))
            if expected is None or record.offset > expected:
                told.passed_over.add(partition)
            elif record.offset < expected:
                told.seen.append(record)
            else:
                told.next.append(record)
                told.ends[partition] = record.offset + 1
        return told

    def booked(self, ends: Mapping[Partition, int]) -> None:
        """These are in the books up to here. A partition that was taken from us meanwhile stays away."""
        for partition, end in ends.items():
            if partition in self._next:
                self._next[partition] = max(self._next[partition], end)

    def expected(self, partition: Partition) -> int | None:
        """The offset that is next, or None for a partition that is not ours."""
        return self._next.get(partition)

    def reached(self) -> dict[Partition, int]:
        """Where each of our partitions is."""
        return dict(self._next)

    def skip_to(self, partition: Partition, offset: int) -> None:
        """The log itself holds nothing before `offset` (retention took it): go on there."""
        self._next[partition] = offset
