"""What is normal for an entity: a Gamma belief about its daily rate, learned from its own complete past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.detection.series import MINUTES_A_DAY, Minutes, Series

__all__ = ["Baseline", "Belief", "Floats"]

Floats = NDArray[np.float64]

_LEAST_CLUSTERING = 1.1
"""Counts of news are never narrower than Poisson, whatever a few days look like."""


@dataclass(frozen=True)
class Belief:
    """Gamma(shape, days) about negative stories a day, one row per judged bucket; the mean is shape / days.

    `clustering` is how much wider than Poisson the entity's days were, variance over mean, above 1.
    """

    shape: Floats
    days: Floats
    clustering: Floats


@dataclass(frozen=True)
class Baseline:
    """How the past is weighed. All of it is a pure function of counts that no longer change.

    A day of the past counts half as much for every `half_life_days` that it lies back, nothing beyond
    `history_days`. Calm is believed only of days on which the stream was awake: a day with fewer than
    `awake_documents` over all entities counts in proportion, so an outage, or the time before the first document,
    says nothing. A company without a past of its own is believed to get `prior_share` of the market's bad news (at
    least `prior_rate_per_day`), but weighs no more than `prior_days` days: most companies are hardly ever named and a
    few are named all the time, so what is known of all of them says little about one.

    A company with a past is remembered for `memory_days`, half as well for every `memory_half_life_days`: on how many
    days it had bad news is its prior, where that says more, with the weight of `memory_weight_days` days. Without it
    a company with news once a month is a stranger half of the time. How its stories cluster is measured on the same
    days, from the steps between them, shrunk towards `usual_clustering` with the weight of `clustering_stories`
    stories: weeks of crisis are a level, not clusters. A day counts for at most `most_a_day` stories more than thrice
    the mean, so that one crisis does not excuse the next.
    """

    history_days: int = 21
    half_life_days: float = 14.0
    awake_documents: int = 20
    prior_days: float = 2.0
    prior_share: float = 0.0003
    prior_rate_per_day: float = 0.003
    memory_days: int = 180
    memory_half_life_days: float = 90.0
    memory_weight_days: float = 2.0
    usual_clustering: float = 1.4
    clustering_stories: float = 6.0
    most_a_day: float = 4.0

    def believe(self, series: Series, market: Series, ends: Minutes) -> Belief:
        """The belief held at each of `ends` (buckets,): only buckets that end at or before it are looked at."""
        weights = 0.5 ** (np.arange(self.history_days) / self.half_life_days)
        edges = _edges(ends, self.history_days)
        awake = _daily(market, market.total_documents, edges) / self.awake_documents
        days = (np.minimum(awake, 1.0) * weights).sum(axis=1)
        own = (_daily(series, series.total_stories, edges) * weights).sum(axis=1)
        whole = (_daily(market, market.total_stories, edges) * weights).sum(axis=1)
        prior = np.maximum(self.prior_share * whole / np.maximum(days, 1.0), self.prior_rate_per_day)
        shape, days = self.prior_days * prior + own, self.prior_days + days
        remembered, clustering = self._memory(series, ends)
        weight = np.where(remembered > shape / days, self.memory_weight_days, 0.0)
        return Belief(shape + weight * remembered, days + weight, clustering)

    def _memory(self, series: Series, ends: Minutes) -> tuple[Floats, Floats]:
        """(buckets,) each: days with a story a day, a busy day counting for a little more, and the clustering."""
        weights = 0.5 ** (np.arange(self.memory_days) / self.memory_half_life_days)
        own = _daily(series, series.total_stories, _edges(ends, self.memory_days)).astype(np.float64)

        def total(days: Floats) -> Floats:  # no matrix product: its last digit depends on how many rows there are
            sums: Floats = (days * weights).sum(axis=1)
            return sums

        mean = (total(own) / weights.sum())[:, None]
        rate = total(np.minimum(own, 2 * mean + 1)) / weights.sum()
        tamed = np.minimum(own, 3 * mean + self.most_a_day)
        stories = total(tamed)
        steps = np.diff(tamed, axis=1, prepend=tamed[:, :1]) ** 2
        pooled = self.clustering_stories * self.usual_clustering
        clustering = (pooled + total(steps) / 2) / (self.clustering_stories + stories)
        return rate, np.maximum(clustering, _LEAST_CLUSTERING)


def _edges(ends: Minutes, days: int) -> Minutes:
    """(buckets, days + 1) minutes: the ends of the past days, newest first."""
    return ends[:, None] - np.arange(days + 1, dtype=np.int64) * MINUTES_A_DAY


def _daily(series: Series, totals: Minutes, edges: Minutes) -> Minutes:
    """(buckets, days) the sums of each past day, newest first."""
    at_edges = totals[series.up_to(edges - 1)]
    return at_edges[:, :-1] - at_edges[:, 1:]
