"""Simulated counts such as people make them: a day, a week, drift, bursts that feed themselves, and events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

__all__ = ["SLOTS", "Event", "add_event", "calm"]

SLOTS = 288
"""Buckets of five minutes a day."""


@dataclass(frozen=True)
class Event:
    """A surge that rises over `rise` buckets from `start` to `times` the usual and fades over `fade` buckets."""

    start: int
    times: float
    rise: int = 1
    fade: int = 36


def calm(random: np.random.Generator, days: int, mean: float, unruly: float = 1.0) -> NDArray[np.float64]:
    """(buckets,) counts of `days` days without an event. `unruly` scales drift, restlessness and bursts."""
    time = np.arange(days * SLOTS)
    day = 0.6 * np.cos(2 * np.pi * (time / SLOTS - random.uniform()))
    week = np.where(time // SLOTS % 7 >= 5, -0.3, 0.0)
    log_rate = day + week + unruly * (_wander(random, time.size, 5 * SLOTS, 0.15) + _wander(random, time.size, 8, 0.2))
    rate = mean * np.exp(log_rate)
    for start in random.integers(0, time.size, random.poisson(2 * unruly * days)):
        size, fade = 0.5 * rate[start] * min(random.pareto(1.6) + 1, 8), random.uniform(1.5, 8)
        stretch = np.arange(min(int(8 * fade), time.size - start))
        rate[start : start + stretch.size] += size * np.exp(-stretch / fade)
    return random.poisson(rate * random.gamma(8, 1 / 8, time.size)).astype(float)


def add_event(random: np.random.Generator, counts: NDArray[np.float64], event: Event) -> NDArray[np.float64]:
    """The counts with an event on top, measured in the mean of the whole series."""
    stretch = np.arange(counts.size - event.start)
    shape = np.where(stretch < event.rise, (stretch + 1) / event.rise, np.exp(-(stretch - event.rise) / event.fade))
    surged = counts.copy()
    surged[event.start :] += random.poisson(counts.mean() * (event.times - 1) * shape)
    return surged


def _wander(random: np.random.Generator, size: int, memory: float, deviation: float) -> NDArray[np.float64]:
    """An autoregressive process with this memory (buckets) and standard deviation."""
    keep = np.exp(-1 / memory)
    noise: NDArray[np.float64] = lfilter([deviation * np.sqrt(1 - keep**2)], [1, -keep], random.normal(size=size))
    return noise
