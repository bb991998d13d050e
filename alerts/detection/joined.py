"""Many entities judged at once, as if they were one: what a call costs is paid once for hundreds of them.

Each entity's minutes are shifted into a stretch of their own, so far apart that no look back reaches the one before. A
detector that looks at counts in any number of buckets at once sees one long series, and each of its answers is what it
would have been for the entity alone. The market's series knows nothing of stretches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detection.detectors import Detector, Finding, History
from alerts.detection.series import MINUTES_A_DAY, Minutes, Series

__all__ = ["findings_of", "worth_judging"]

_STRETCH: Final = 2 * 7 * MINUTES_A_DAY * 6656
"""Minutes, some 127 years before 1970 and as many after: whole weeks, so that weekdays stay what they are."""

_AT_ONCE: Final = 20_000
"""Minutes with counts that are joined: what a detector makes of their newest fits into a processor's cache."""


@dataclass(frozen=True, eq=False)
class _Market(Series):
    """The market for buckets of any stretch."""

    def up_to(self, minutes: Minutes) -> NDArray[np.intp]:
        return super().up_to(self.plain(minutes))

    def plain(self, minutes: Minutes) -> Minutes:
        plain: Minutes = minutes - _shift(minutes)
        return plain


def findings_of(
    detector: Detector,
    series: Mapping[str, Series],
    touched: Mapping[str, Sequence[int]],
    ready: int,
    market: Callable[[], Series],
) -> dict[str, list[Finding]]:
    """By entity, what a detector finds in the buckets up to `ready` that its touched ones may have changed.

    `market` is asked for where any is worth judging. Entities with nothing found are absent.
    """
    found: dict[str, list[Finding]] = {}
    whole: _Market | None = None
    for part in _parts(series):
        joined = _joined([series[entity_id] for entity_id in part])
        moved = [np.asarray(touched[entity_id]) + place * _STRETCH for place, entity_id in enumerate(part)]
        worth = worth_judging(joined, np.concatenate(moved), detector.echo_min, ready)
        if not worth.size:
            continue
        if whole is None:
            asked = market()
            whole = _Market(asked.buckets, asked.stories, asked.documents)
        for finding in detector.findings(History(joined, whole), worth.tolist()):
            shift = int(_shift(finding.bucket))
            found.setdefault(part[shift // _STRETCH], []).append(_unshifted(finding, shift))
    return found


def worth_judging(series: Series, touched: Minutes, echo_min: int, ready: int) -> Minutes:
    """The buckets with something that counts within the echo of a touched one that holds such a thing itself."""
    times = series.buckets
    starts = np.searchsorted(times, touched, side="left")
    starts = starts[times[np.minimum(starts, times.size - 1)] == touched] if times.size else starts[:0]
    moved = times[starts]
    last = _shift(moved) + ready + 1
    ends = np.searchsorted(times, np.minimum(moved + echo_min, last), side="left")
    steps = np.zeros(times.size + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, np.maximum(ends, starts), -1)
    return times[np.cumsum(steps[:-1]) > 0]


def _unshifted(finding: Finding, shift: int) -> Finding:
    previous = None if finding.previous is None else finding.previous - shift
    return replace(finding, bucket=finding.bucket - shift, since=finding.since - shift, previous=previous)


def _shift(minutes: Any) -> Any:
    """By how much minutes were shifted; of any shape."""
    return (minutes + _STRETCH // 2) // _STRETCH * _STRETCH


def _parts(series: Mapping[str, Series]) -> Iterator[list[str]]:
    """Those that are joined; one whose counts are more than arrays stays alone."""
    part: list[str] = []
    minutes = 0
    for entity_id, each in series.items():
        if not _arrays(each):
            yield [entity_id]
            continue
        part.append(entity_id)
        minutes += each.buckets.size
        if minutes >= _AT_ONCE:
            yield part
            part, minutes = [], 0
    if part:
        yield part


def _joined(series: Sequence[Series]) -> Series:
    if len(series) == 1:
        return series[0]
    shifted = [each.buckets + place * _STRETCH for place, each in enumerate(series)]
    given = {name: np.concatenate([getattr(each, name) for each in series]) for name in _given(series[0])}
    return type(series[0])(**given | {"buckets": np.concatenate(shifted)})


def _given(series: Series) -> tuple[str, ...]:
    return _fields(type(series))  # type: ignore[arg-type] # mypy asks the class for its instances' hash


@cache
def _fields(kind: type[Series]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.init)


def _arrays(series: Series) -> bool:
    return all(isinstance(getattr(series, name), np.ndarray) for name in _given(series))
