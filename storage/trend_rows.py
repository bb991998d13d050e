"""One row of `trend_counts` as Python sees it: what ingest returns, what Redis keeps, what the audit compares."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec

__all__ = ["COLUMNS", "TrendRow", "from_columns"]


class TrendRow(msgspec.Struct, frozen=True, gc=False):
    """Absolute sums of one minute, one entity, one topic and one model version. Times are aware UTC.

    A row with a higher `revision` replaces one with a lower, whatever the order in which they arrive. One whose
    documents were all taken down says 0 of everything.
    """

    entity_id: str
    topic: str
    bucket: datetime
    model_version: str
    documents: int
    stories: int
    """Documents that began a new story: reprints are left out."""
    negative: int
    neutral: int
    positive: int
    negative_stories: int
    score_micro: int
    """Sum of P(positive) - P(negative) in millionths."""
    revision: int
    revised_at: datetime
    revised_after_final: bool

    @property
    def mean_score(self) -> float:
        """From -1 (all negative) to 1; not a number where there are no documents."""
        return self.score_micro / (1e6 * self.documents) if self.documents else math.nan

    @property
    def negative_share(self) -> float:
        """From 0 to 1; not a number where there are no documents."""
        return self.negative / self.documents if self.documents else math.nan


COLUMNS = ", ".join(TrendRow.__struct_fields__)
"""The columns of trend_counts in the order of the fields, for a SELECT list."""


def from_columns(values: tuple[Any, ...]) -> TrendRow:
    """From a result row whose columns are COLUMNS, in a session that speaks UTC."""
    return TrendRow(*values)
