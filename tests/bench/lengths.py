"""Lengths drawn from the quantiles of real ones, which is all that the repository keeps of a replay."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence

__all__ = ["drawn"]


def drawn(draw: random.Random, shares: Sequence[float], quantiles: Sequence[int]) -> int:
    """A length between the first and the last quantile, on straight lines between them.

    `shares` rise and say at which share of the lengths each quantile stands; what lies outside them is not drawn.
    """
    share = min(max(draw.random(), shares[0]), shares[-1] - 1e-9)
    at = bisect(shares, share)
    low, high = shares[at - 1], shares[at]
    return round(quantiles[at - 1] + (quantiles[at] - quantiles[at - 1]) * (share - low) / (high - low))
