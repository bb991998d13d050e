"""From a budget of false alarms a day to what is improbable enough, and from there to a severity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from alerts.detection.promises import NEGATIVE_SURGE, Promise
from alerts.errors import WrongSettingError

__all__ = ["SEVERITIES", "Budget", "Severity", "gravest", "rank", "severity"]

Severity = Literal["watch", "warning", "critical"]

SEVERITIES: Final[tuple[Severity, ...]] = ("watch", "warning", "critical")

_STEPS: Final[tuple[tuple[Severity, float, int], ...]] = (("critical", 1e-6, 10), ("warning", 1e-2, 5))
"""Severity, how many times less probable than the threshold, and at least how many stories: both must hold."""

_NESTED: Final = 2

_MOST: Final = 0.01
"""No budget is so generous that a one-in-a-hundred count is a surge."""


_NAMED: Final = 500
_NAMED_BEYOND: Final = 0.05
"""Of a watch list the first so many are taken to be in the news, of all beyond one in twenty: who is never named
brings no false alarm and needs no part of the budget. In the news of 2023, 365 of 7,114 were named at all."""

_DAYS_A_MONTH: Final = 30


@dataclass(frozen=True)
class Budget:
    """`false_alarms_per_day` over a watch list of `entities`; raises WrongSettingError where either is not positive."""

    false_alarms_per_day: float
    entities: int

    def __post_init__(self) -> None:
        rate = self.false_alarms_per_day
        if rate <= 0:
            raise WrongSettingError("false_alarms_per_day", rate, "give a number above 0, such as 1")
        if self.entities < 1:
            raise WrongSettingError("entities", self.entities, "give the size of the watch list, at least 1")

    @property
    def named(self) -> float:
        """How many entities are in the news."""
        return min(self.entities, _NAMED) + _NAMED_BEYOND * max(0, self.entities - _NAMED)

    @property
    def promised_a_month(self) -> float:
        """False alarms a month of one entity that is in the news: an equal part of the budget for each of them."""
        return self.false_alarms_per_day * _DAYS_A_MONTH / self.named

    def thresholds(self, horizons_min: Sequence[int], promise: Promise = NEGATIVE_SURGE) -> tuple[float, ...]:
        """For each horizon (minutes), the p-value at or below which a surge fires, at most `_MOST`.

        The part of an entity becomes the nominal rate that keeps it in simulated calm, says the detector's `promise`,
        and a horizon of h days spends it on 1/h windows a day. The horizons are nested, so together they count as
        `_NESTED` looks, not as so many. docs/decisions/0022 holds what that yields.
        """
        nominal = 10.0 ** -_evidence(promise, self.promised_a_month) / _DAYS_A_MONTH
        part = nominal / min(_NESTED, len(horizons_min))
        return tuple(min(_MOST, part * horizon / 1440) for horizon in horizons_min)


@cache
def _evidence(promise: Promise, promised_a_month: float) -> float:
    """Asked for with every finding, and always the same."""
    return promise.threshold(promised_a_month)


def severity(p_value: float, threshold: float, stories: int) -> Severity:
    """From how improbable and how large; only ever rises while a count grows."""
    for name, factor, at_least in _STEPS:
        if p_value <= threshold * factor and stories >= at_least:
            return name
    return "watch"


def gravest(horizons: Iterable[tuple[float, float, int]]) -> Severity:
    """Of each horizon its p-value, threshold and stories: the least probable one may hold fewer stories than another.

    So it only ever rises as well, whichever horizon comes to be the least probable.
    """
    return max((severity(*each) for each in horizons), key=rank)


def rank(name: Severity) -> int:
    """0 for watch, 2 for critical."""
    return SEVERITIES.index(name)
