"""What tone a company's stories have had: the share of negative ones, their mean score and its spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.detection.series import MINUTES_A_DAY, Minutes
from alerts.detection.tones import TonedSeries

__all__ = ["Floats", "Past", "Stretch", "TonePast", "stretch"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Sums over stretches of time; any shape, `score` and `square` in units of the score, not thousandths."""

    stories: Floats
    negative: Floats
    score: Floats
    square: Floats


@dataclass(frozen=True)
class Past:
    """What was usual: the share of negative stories, and mean and variance of a story's score; any shape."""

    stories: Floats
    share: Floats
    mean: Floats
    variance: Floats


@dataclass(frozen=True)
class TonePast:
    """Learned from `days` days, shrunk to what is usual for companies with the weight of `prior_stories` stories.

    A story counts the same however old it is: the tone of a company changes over months, not weeks. Usual are a share
    of `share`, a mean of `mean` and a standard deviation of `deviation`, as in the news of 2023 that names a company.
    """

    days: int = 28
    prior_stories: float = 12.0
    share: float = 0.12
    mean: float = -0.02
    deviation: float = 0.3

    def learn(self, series: TonedSeries, ends: Minutes) -> Past:
        """What is known at each of `ends`: only stories up to then are looked at."""
        seen = stretch(series, ends - self.days * MINUTES_A_DAY, ends)
        stories, weight = seen.stories + self.prior_stories, self.prior_stories
        mean = (seen.score + weight * self.mean) / stories
        square = (seen.square + weight * (self.deviation**2 + self.mean**2)) / stories
        return Past(stories, (seen.negative + weight * self.share) / stories, mean, np.maximum(square - mean**2, 0.0))


def stretch(series: TonedSeries, since: Minutes, until: Minutes) -> Stretch:
    """What was said after each `since` up to `until`; of one shape."""
    first, last = series.up_to(since), series.up_to(until)
    stories, negative, score, square = (
        (total[last] - total[first]).astype(np.float64)
        for total in (series.total_stories, series.total_negative, series.total_score, series.total_square)
    )
    return Stretch(stories, negative, score / 1e3, square / 1e6)
