"""What is normal for an entity: a Gamma belief about its daily rate, learned from its own complete past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.series import MINUTES_A_DAY, Minutes, Series

__all__ = ["Baseline", "Belief", "Floats"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """Gamma(shape, days) about negative stories a day, one row per judged bucket; the mean is shape / days."""

    shape: Floats
    days: Floats


@dataclass(frozen=True)
class Baseline:
    """How the past is weighed. All of it is a pure function of counts that no longer change.

    A day of the past counts half as much for every `half_life_days` that it lies back, nothing beyond
    `history_days`. Calm is believed only of days on which the stream was awake: a day with fewer than
    `awake_documents` over all entities counts in proportion, so an outage, or the time before the first document,
    says nothing. A company without a past of its own is believed to get `prior_share` of the market's bad news (at
    least `prior_rate_per_day`), but weighs no more than `prior_days` days: most companies are hardly ever named and a
    few are named all the time, so what is known of all of them says little about one.
    """

    history_days: int = 21
    half_life_days: float = 14.0
    awake_documents: int = 20
    prior_days: float = 2.0
    prior_share: float = 0.0003
    prior_rate_per_day: float = 0.003

    def believe(self, series: Series, market: Series, ends: Minutes) -> Belief:
        """The belief held at each of `ends` (buckets,): only buckets that end at or before it are looked at."""
        weights = 0.5 ** (np.arange(self.history_days) / self.half_life_days)
        edges = _edges(ends, self.history_days)
        awake = _daily(market, market.total_documents, edges) / self.awake_documents
        days = (np.minimum(awake, 1.0) * weights).sum(axis=1)
        own = (_daily(series, series.total_stories, edges) * weights).sum(axis=1)
        whole = (_daily(market, market.total_stories, edges) * weights).sum(axis=1)
        prior = np.maximum(self.prior_share * whole / np.maximum(days, 1.0), self.prior_rate_per_day)
        return Belief(self.prior_days * prior + own, self.prior_days + days)


def _edges(ends: Minutes, days: int) -> Minutes:
    """(buckets, days + 1) minutes: the ends of the past days, newest first."""
    return ends[:, None] - np.arange(days + 1, dtype=np.int64) * MINUTES_A_DAY


def _daily(series: Series, totals: Minutes, edges: Minutes) -> Minutes:
    """(buckets, days) the sums of each past day, newest first."""
    at_edges = totals[series.up_to(edges - 1)]
    return at_edges[:, :-1] - at_edges[:, 1:]
