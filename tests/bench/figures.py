"""How the benches make figures of what they saw: percentiles, rates of the steady part, growth."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

__all__ = ["by_turns", "growth_per_minute", "percentiles", "ratio", "significant", "steady_rate"]


def percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 of milliseconds, and how many there were; no percentiles where there were none."""
    if not values_ms:
        return {"count": 0}
    found = np.percentile(values_ms, (50, 95, 99))
    return {name: round(float(value), 1) for name, value in zip(("p50", "p95", "p99"), found, strict=True)} | {
        "count": len(values_ms)
    }


def steady_rate(seen: Sequence[tuple[float, int]], total: int, *, after: float = 0.1) -> float:
    """Things a second from the first look that saw at least `after` of `total` done to the first that saw all.

    `seen` holds (seconds, done so far), rising. Raises ValueError where the two looks are one: too few, too fast.
    """
    first = next(look for look in seen if look[1] >= after * total)
    last = next(look for look in seen if look[1] >= total)
    if last[0] <= first[0]:
        raise ValueError(f"{total} were done between two looks: take more of them")
    return (last[1] - first[1]) / (last[0] - first[0])


def growth_per_minute(seen: Sequence[tuple[float, float]]) -> float:
    """The slope of a least-squares line through (seconds, value), in values a minute; 0 for fewer than two."""
    if len(seen) < 2:
        return 0.0
    seconds, values = np.array(seen, dtype=float).T
    return float(np.polyfit(seconds - seconds[0], values, 1)[0] * 60)


Name = TypeVar("Name", bound=Hashable)


def by_turns(contestants: Mapping[Name, Callable[[], float]], rounds: int) -> dict[Name, list[float]]:
    """Runs every contestant once a round; what each returned, by round.

    The order turns round from one round to the next, so that whatever drifts in a machine meets all alike.
    """
    names = list(contestants)
    found: dict[Name, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(contestants[name]())
    return found


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """The median over rounds of one rate by the other's of the same round."""
    return round(statistics.median(a / b for a, b in zip(one, other, strict=True)), 3)


def significant(value: float, digits: int = 3) -> float:
    """A figure without digits that mean nothing."""
    return float(f"{value:.{digits}g}")
