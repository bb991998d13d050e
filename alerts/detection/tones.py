"""All that is said about an entity with its tone: what shares and means are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts.detection.series import Series

__all__ = ["TonedSeries"]

_MICRO = 1_000


@dataclass(frozen=True, eq=False)
class TonedSeries(Series):
    """Of all stories, not only negative ones: in each minute also the `negative` stories, and the mean score.

    `score` is the mean of P(positive) - P(negative) over the documents of the minute in thousandths, -1000 to 1000; it
    stands for each story of the minute. Sums are of integers, so they are exact in any order.
    """

    negative: NDArray[np.int64] = field(kw_only=True)
    score: NDArray[np.int64] = field(kw_only=True)
    total_negative: NDArray[np.int64] = field(init=False, repr=False)
    total_score: NDArray[np.int64] = field(init=False, repr=False)
    total_square: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        each = {"negative": self.negative, "score": self.stories * self.score, "square": self.stories * self.score**2}
        for name, counts in each.items():
            total = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))
            object.__setattr__(self, f"total_{name}", total)

    @classmethod
    def told(cls, rows: Iterable[tuple[int, int, int, int, int]]) -> TonedSeries:
        """From (bucket, stories, documents, negative stories, sum of scores in millionths), each bucket once."""
        table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 5)
        buckets, stories, documents, negative, score = (np.ascontiguousarray(table[:, column]) for column in range(5))
        mean = np.rint(score / np.maximum(documents, 1) / _MICRO).astype(np.int64)
        return cls(buckets, stories, documents, negative=negative, score=mean)
