"""The counts of one entity as the detectors see them: minutes in which something negative was said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINUTES_A_DAY", "Minutes", "Series", "minute_of", "time_of"]

Minutes = NDArray[np.int64]
"""Minutes since 1970-01-01 UTC. A bucket is named by the minute in which it starts."""

MINUTES_A_DAY = 1440


def minute_of(at: datetime) -> int:
    """The bucket that holds an aware time."""
    return int(at.timestamp() // 60)


def time_of(minute: int) -> datetime:
    """When a bucket starts, aware UTC."""
    return datetime.fromtimestamp(minute * 60, UTC)


@dataclass(frozen=True, eq=False)
class Series:
    """Sparse sums: `buckets` strictly ascending, the others (buckets,) int64, all >= 0.

    `stories` are negative ones. `documents` are the negative ones of an entity, but all of them in the series of the
    market. A minute that is not listed holds nothing. `total_*` are running sums with a leading zero, so that the
    count of any stretch is one subtraction of integers: exact, whatever was fetched before it.
    """

    buckets: Minutes
    stories: NDArray[np.int64]
    documents: NDArray[np.int64]
    total_stories: NDArray[np.int64] = field(init=False, repr=False)
    total_documents: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total_stories", _running(self.stories))
        object.__setattr__(self, "total_documents", _running(self.documents))

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int]]) -> Series:
        """From (bucket, stories, documents), in any order, each bucket once."""
        table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 3)
        return cls(*(np.ascontiguousarray(table[:, column]) for column in range(3)))

    def plain(self, minutes: Minutes) -> Minutes:
        """The minutes themselves, where a series of several entities has shifted them."""
        return minutes

    def up_to(self, minutes: Minutes) -> NDArray[np.intp]:
        """How many listed buckets start at or before each minute; indexes the running sums. Any shape."""
        return np.searchsorted(self.buckets, minutes, side="right")

    def first_story(self, place: int) -> int:
        """The first bucket with a story from the one listed at `place` on; what has none may be a reprint."""
        found = int(np.searchsorted(self.total_stories, self.total_stories[place], side="right")) - 1
        return int(self.buckets[found])


def _running(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))
