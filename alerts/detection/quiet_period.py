"""What was promised against what stored days brought that somebody calls quiet, beside what simulated calm brings.

Real days are never known to be calm: each alarm in them is false or it is not. So alarms are counted, those that an
analyst called true are left out, and a promise is called broken only where so many are hardly chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from scipy.stats import chi2  # type: ignore[import-untyped]
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from alerts.detection.calibration import STORIES_A_DAY
from alerts.detection.detectors import Detector
from alerts.detection.lifecycle import Episode
from alerts.detection.series import MINUTES_A_DAY, time_of
from alerts.detection.stored_past import episodes_of
from alerts.detection.thresholds import Budget
from storage.records import ANY_ENTITY, ANY_TOPIC

__all__ = ["QuietRow", "Quieted", "interval", "of_stored_days"]

_DAYS_A_MONTH: Final = 30
_DOUBT: Final = 0.05
"""How often a promise that is kept is called broken or an interval misses: one in twenty."""

_RATES = text(
    """
    select entity_id, sum(negative_stories)::bigint from trend_counts
    where topic = :topic and entity_id <> :market and bucket between :since and :until
    group by entity_id
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))

_TRUE = text("select alert_id from alert_verdicts where verdict = 'true'")


@dataclass(frozen=True)
class QuietRow:
    """One detector in one stratum of the companies that were named, or in all; counts of the whole period.

    `entity_months` is None where its budget is not shared equally by the companies of the list. `called_true` of the
    `alarms` are no false ones.
    """

    detector: str
    stratum: str
    entity_months: float | None
    alarms: int
    called_true: int
    promised: float

    @property
    def false(self) -> int:
        """Alarms that nobody called true."""
        return self.alarms - self.called_true

    @property
    def kept(self) -> bool:
        """Whether so many alarms may be chance where the promise is kept."""
        return interval(self.false)[0] <= self.promised


@dataclass(frozen=True)
class Quieted:
    """What one detector found, and its rows: each stratum that has companies, then all."""

    detector: str
    rows: tuple[QuietRow, ...]
    episodes: tuple[Episode, ...]


def interval(count: int) -> tuple[float, float]:
    """The means of a Poisson count between which this one is no surprise (95 %)."""
    low = chi2.ppf(_DOUBT / 2, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(1 - _DOUBT / 2, 2 * count + 2) / 2)


def of_stored_days(
    connection: Connection, detectors: Sequence[Detector], since: int, until: int, *, quiet: timedelta
) -> Iterator[Quieted]:
    """Detector by detector, over the minutes `since` to `until`; what they learn from lies before and within."""
    days = (until + 1 - since) / MINUTES_A_DAY
    span = {"since": time_of(since), "until": time_of(until)}
    counted = connection.execute(_RATES, span | {"topic": ANY_TOPIC, "market": ANY_ENTITY})
    strata = {entity_id: _stratum(stories / days) for entity_id, stories in counted}
    called_true = frozenset(connection.execute(_TRUE).scalars())
    for detector in detectors:
        found = episodes_of(connection, detector, since, until, quiet=quiet)
        yield Quieted(detector.name, tuple(_rows(detector, found, strata, called_true, days)), tuple(found))


def _rows(
    detector: Detector,
    found: Sequence[Episode],
    strata: Mapping[str, str],
    called_true: Collection[UUID],
    days: float,
) -> Iterator[QuietRow]:
    true = [episode for episode in found if episode.alert_id in called_true]
    budget = getattr(detector, "budget", None)
    months = None
    if isinstance(budget, Budget) and detector.counted not in ("market", "all"):
        sizes, months = Counter(strata.values()), len(strata) * days / _DAYS_A_MONTH
        alarms, of_true = (Counter(strata.get(one.entity_id, "rare") for one in each) for each in (found, true))
        for stratum in STORIES_A_DAY:
            if not sizes[stratum] and not alarms[stratum]:
                continue
            own = sizes[stratum] * days / _DAYS_A_MONTH
            promised = budget.promised_a_month * own
            yield QuietRow(detector.name, stratum, own, alarms[stratum], of_true[stratum], promised)
    per_day = budget.false_alarms_per_day if isinstance(budget, Budget) else _per_day(detector)
    yield QuietRow(detector.name, "all", months, len(found), len(true), per_day * days)


def _per_day(detector: Detector) -> float:
    """What a detector without a budget for each company may spend."""
    rate: float = getattr(detector, "false_alarms_per_day")  # noqa: B009 - not every detector has it
    return rate


def _stratum(stories_a_day: float) -> str:
    return next((name for name, (_, high) in STORIES_A_DAY.items() if stories_a_day < high), "busy")
