"""What of one entity counts for a rule, minute by minute."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alerts.detection.series import Minutes

__all__ = ["MEASURES", "Measure", "Row", "Tally"]

Measure = Literal["negative_stories", "stories", "negative_documents", "documents", "negative_share", "mean_score"]
"""What a rule may ask for. A share is of the documents; a mean is of P(positive) - P(negative), -1 to 1."""

MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)

Row = tuple[int, int, int, int, int, int]
"""A minute; documents, stories, negative documents, negative stories, and the sum of their scores in millionths."""


@dataclass(frozen=True, eq=False)
class Tally:
    """`buckets` ascending minutes; `totals` (5, buckets + 1) running sums with a leading zero, in the order of Row."""

    buckets: Minutes
    totals: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Tally:
        """From rows in any order; a minute may come several times."""
        table = np.array(list(rows), dtype=np.int64).reshape(-1, 6)
        table = table[np.argsort(table[:, 0], kind="stable")]
        buckets, first = np.unique(table[:, 0], return_index=True)
        sums = np.add.reduceat(table[:, 1:], first, axis=0) if buckets.size else table[:, 1:]
        return cls(buckets, np.concatenate((np.zeros((5, 1), np.int64), np.cumsum(sums.T, axis=1)), axis=1))

    def within(self, bucket: int, minutes: int) -> dict[Measure, float]:
        """Every measure of the `minutes` that end with a bucket; share and mean are 0 of nothing."""
        first, last = np.searchsorted(self.buckets, (bucket - minutes, bucket), side="right")
        documents, stories, negative, negative_stories, score = (self.totals[:, last] - self.totals[:, first]).tolist()
        return {
            "negative_stories": negative_stories,
            "stories": stories,
            "negative_documents": negative,
            "documents": documents,
            "negative_share": negative / max(documents, 1),
            "mean_score": score / 1e6 / max(documents, 1),
        }

    def since(self, bucket: int, minutes: int) -> int:
        """The first bucket with something that counts in the `minutes` that end with `bucket`."""
        return int(self.buckets[np.searchsorted(self.buckets, bucket - minutes, side="right")])
