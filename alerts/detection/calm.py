"""Calm as it really is: busy by day, quiet at the weekend, drifting, and bursty. Nothing in it deserves an alarm.

How bursty was fitted to the news of 2023: in the median over companies the daily counts of negative stories varied
1.0 to 1.4 times as much as Poisson's, in the upper tenth 2 to 3.3 times (docs/decisions/0022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter  # type: ignore[import-untyped]

from alerts.detection.regular import Floats
from alerts.detection.series import MINUTES_A_DAY, Minutes, Series
from alerts.detection.tones import TonedSeries

__all__ = ["CalmStories", "CalmTones", "CalmVolume", "calm_market"]

_HOURS_A_DAY = 24
_WEEKEND = 5


@dataclass(frozen=True)
class CalmStories:
    """Negative stories of a company: events at the rhythm of newsrooms, some told in several stories over hours."""

    days: int
    drift: float = 0.3
    drift_days: float = 10.0
    follow_ups: float = 0.25
    """Mean number of further stories an event, drawn for each company from an exponential with this mean."""

    def draw(self, random: np.random.Generator, a_day: float) -> Series:
        """One company with about `a_day` stories a day, from minute 0 on."""
        told, _ = self.events(random, a_day)
        minutes, stories = np.unique(told, return_counts=True)
        return Series.of(zip(minutes.tolist(), stories.tolist(), stories.tolist(), strict=True))

    def events(self, random: np.random.Generator, a_day: float) -> tuple[Minutes, Minutes]:
        """(stories,) each: the minutes in which they are told, in no order, and the number of the event."""
        hours = np.arange(self.days * _HOURS_A_DAY)
        swing = 0.9 * np.cos(2 * np.pi * (hours % _HOURS_A_DAY - 14) / _HOURS_A_DAY)
        weekend = np.where(hours // _HOURS_A_DAY % 7 >= _WEEKEND, np.log(0.4), 0.0)
        shape = np.exp(swing + weekend + wander(random, hours.size, self.drift_days * _HOURS_A_DAY, self.drift))
        stories_an_event = 1 + random.exponential(self.follow_ups)
        rate = a_day / _HOURS_A_DAY / stories_an_event * shape / shape.mean()
        events = np.repeat(hours * 60, random.poisson(rate)) + 0
        events += random.integers(0, 60, events.size)
        further = random.geometric(1 / stories_an_event, events.size) - 1
        patience = random.uniform(60, 600)
        later = np.repeat(events, further) + random.exponential(patience, further.sum()).astype(np.int64)
        told, numbers = np.concatenate((events, later)), np.arange(events.size)
        within = told < self.days * MINUTES_A_DAY
        return told[within], np.concatenate((numbers, np.repeat(numbers, further)))[within]


@dataclass(frozen=True)
class CalmTones:
    """All stories of a company with their tones: an event has one, and most of what is told of it has the same.

    The share of negative events is drawn for each company around `share` and drifts over weeks.
    """

    days: int
    share: float = 0.12
    drift: float = 0.4
    drift_days: float = 20.0
    alike: float = 0.7

    def draw(self, random: np.random.Generator, a_day: float) -> TonedSeries:
        """One company with about `a_day` stories a day, from minute 0 on."""
        minutes, numbers = CalmStories(self.days).events(random, a_day)
        usual = random.beta(1, 1 / self.share - 1)
        drift = np.exp(wander(random, self.days, self.drift_days, self.drift))
        shares = np.minimum(usual * drift[minutes // MINUTES_A_DAY], 0.95)
        chances = random.uniform(size=numbers.max(initial=0) + 1)[numbers]
        chances = np.where(random.uniform(size=minutes.size) < self.alike, chances, random.uniform(size=minutes.size))
        strength = random.uniform(0.4, 1.0, minutes.size)
        flat = random.normal(0.0, 0.1, minutes.size).clip(-0.4, 0.4)
        bad, good = chances < shares, chances > 0.88
        scores = np.where(bad, -strength, np.where(good, strength, flat))
        rows: dict[int, list[int]] = {}
        for minute, is_bad, score in zip(minutes.tolist(), bad.tolist(), scores.tolist(), strict=True):
            row = rows.setdefault(minute, [0, 0, 0, 0])
            for place, amount in enumerate((1, 1, int(is_bad), round(score * 1e6))):
                row[place] += amount
        return TonedSeries.told((minute, row[0], row[1], row[2], row[3]) for minute, row in rows.items())


def calm_market(days: int, every_h: int = 1, documents_an_hour: int = 6) -> Series:
    """A market that is always awake, with a negative story every so many hours: only a yardstick."""
    return Series.of((hour * 60 + 59, hour % every_h == 0, documents_an_hour) for hour in range(days * _HOURS_A_DAY))


@dataclass(frozen=True)
class CalmVolume:
    """Counts of five minutes in which talk feeds talk: small heavy-tailed bursts on a wandering rhythm."""

    days: int
    slots: int = 288

    def draw(self, random: np.random.Generator, mean: float) -> Floats:
        """(buckets,) of one entity with about `mean` counts a bucket."""
        time = np.arange(self.days * self.slots)
        of_day = time % self.slots / self.slots
        day = random.uniform(0.2, 0.9) * np.cos(2 * np.pi * (of_day - random.uniform()))
        second = random.uniform(0, 0.4) * np.cos(4 * np.pi * (of_day - random.uniform()))
        weekend = np.where(time // self.slots % 7 >= _WEEKEND, np.log(random.uniform(0.4, 1)), 0.0)
        drift = wander(random, time.size, random.uniform(3, 10) * self.slots, random.uniform(0.05, 0.25))
        unrest = wander(random, time.size, random.uniform(3, 24), random.uniform(0.05, 0.25))
        rate = mean * np.exp(day + second + weekend + drift + unrest)
        rate += self._bursts(random, rate)
        extra = random.uniform(0.2, 3)  # variance over mean, less one
        counts: Floats = random.negative_binomial(rate / extra, 1 / (1 + extra)).astype(np.float64)
        return counts

    def _bursts(self, random: np.random.Generator, rate: Floats) -> Floats:
        bursts = np.zeros_like(rate)
        for start in random.integers(0, rate.size, random.poisson(random.uniform(0.5, 4) * self.days)).tolist():
            fade = np.exp(random.uniform(0, np.log(12)))
            stretch = np.arange(min(int(8 * fade) + 1, rate.size - start))
            height = rate[start] * min(0.5 * (random.pareto(1.6) + 1), 5)
            bursts[start : start + stretch.size] += height * np.exp(-stretch / fade)
        return bursts


def wander(random: np.random.Generator, size: int, memory: float, deviation: float) -> NDArray[np.float64]:
    """An autoregressive process with this memory (steps) and standard deviation."""
    keep = np.exp(-1 / memory)
    noise: NDArray[np.float64] = lfilter([deviation * np.sqrt(1 - keep**2)], [1, -keep], random.normal(size=size))
    return noise
