"""Surges put into real counts, and how soon ours and what is usual find them at as many false alarms.

Counts are documents in five minutes. Each surge is put in alone, where its series is quiet. Every rival gets the
threshold at which it raises as many false alarms as are promised, on the same untouched counts: once on quiet days
alone, and once on all days, where every crisis of the year counts as a false alarm.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rivals import HOUR, OURS, SCORES, SLOTS, STEP_MIN, Floats, rolling

from alerts.detection.calibration import episodes
from alerts.detection.series import MINUTES_A_DAY

__all__ = ["counts_of_news", "power"]

Quiet = NDArray[np.bool_]

PROMISED = 0.1
WARM_DAYS = 38
PAST_DAYS = 38
APART_DAYS = 6
LENGTH = 6 * HOUR
WINDOW = LENGTH + HOUR
SHAPES = ("step", "ramp", "burst")
SIZES = (2, 3, 5, 10)
COMPANIES = 15


def counts_of_news(path: Path) -> dict[str, Floats]:
    """(buckets,) for each publisher and for each of the companies named most."""
    from stream.entities import EntityLinker
    from stream.sources.fields import FieldMap
    from stream.watchlist import load

    fields, linker, now = FieldMap(), EntityLinker(load()), datetime.now(UTC)
    minutes: dict[str, list[int]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            document = fields.document(item, source="news", fetched_at=now)
            minute = int(datetime.fromisoformat(str(document.published_at)).timestamp() // 60)
            for name in (_publisher(document.url), *{mention.entity_id for mention in linker.link(document.title)}):
                minutes.setdefault(name, []).append(minute)
    first = min(map(min, minutes.values())) // (7 * MINUTES_A_DAY) * 7 * MINUTES_A_DAY
    size = (max(map(max, minutes.values())) - first) // MINUTES_A_DAY * SLOTS
    named = Counter({name: len(each) for name, each in minutes.items()})
    publishers = [name for name in named if name.startswith("from ") and named[name] > 500]
    companies = [name for name, _ in named.most_common() if not name.startswith("from ")][:COMPANIES]
    return {
        name: np.bincount((np.array(minutes[name]) - first) // STEP_MIN, minlength=size)[:size].astype(float)
        for name in publishers + companies
    }


def _publisher(url: str) -> str:
    return "from " + url.split("/")[2].removeprefix("www.") if url.count("/") > 2 else "from nowhere"


def quiet_days(counts: Floats) -> Quiet:
    """(days,) that are neither of the two in a hundred with the most, nor next to one, nor of an outage.

    An outage is two days without anything of a series that speaks on most; a week after it belongs to it.
    """
    daily = counts.reshape(-1, SLOTS).sum(axis=1)
    quiet = np.ones(daily.size, dtype=bool)
    for day in np.flatnonzero(daily > np.quantile(daily, 0.98)):
        quiet[max(0, day - 1) : day + 2] = False
    if np.median(daily) > 0:
        silent = np.flatnonzero((daily[1:] == 0) & (daily[:-1] == 0))
        for day in silent:
            quiet[day : day + 9] = False
    return quiet


def alarms(score: Floats, threshold: float) -> int:
    """Episodes after the warm weeks."""
    return episodes((np.flatnonzero(score[WARM_DAYS * SLOTS :] >= threshold) * STEP_MIN).tolist(), MINUTES_A_DAY)


def threshold_of(scores: list[Floats], months: float) -> float:
    """The lowest at which all series together have no more than the promised false alarms."""
    peaks = np.unique(np.concatenate([each[WARM_DAYS * SLOTS :].reshape(-1, SLOTS).max(axis=1) for each in scores]))
    low, high = 0, peaks.size - 1
    while low < high:
        middle = (low + high) // 2
        if sum(alarms(each, peaks[middle]) for each in scores) <= PROMISED * months:
            high = middle
        else:
            low = middle + 1
    return float(peaks[low])


def surge(random: np.random.Generator, shape: str, extra: float) -> Floats:
    """(LENGTH,) counts on top: `extra` a bucket on its plateau; a burst has as many in all as the step."""
    time = np.arange(LENGTH)
    form = {"step": np.ones(LENGTH), "ramp": (time + 1) / LENGTH, "burst": np.exp(-time / HOUR) * LENGTH / HOUR}[shape]
    return random.poisson(extra * form).astype(float)


def places(random: np.random.Generator, counts: Floats, quiet: Quiet) -> list[int]:
    """Where surges go in: on quiet days, where no hour of the day before and after is among the busiest tenth."""
    hour = rolling(counts, HOUR)
    busiest = np.quantile(hour.reshape(-1, SLOTS).max(axis=1), 0.9)
    found = []
    for day in range(WARM_DAYS + 1, counts.size // SLOTS - 2, APART_DAYS):
        place = day * SLOTS + int(random.integers(SLOTS))
        if quiet[day - 1 : day + 2].all() and hour[place - SLOTS : place + SLOTS].max() <= busiest:
            found.append(place)
    return found


@dataclass(frozen=True)
class Limits:
    """The threshold of each rival, and what it is measured on."""

    measured_on: str
    of: Mapping[str, float]


def limits(series: Mapping[str, Floats]) -> tuple[Limits, Limits]:
    """On quiet days, and on all."""
    quiet = {name: quiet_days(each) for name, each in series.items()}
    months = sum(float(each[WARM_DAYS:].sum()) for each in quiet.values()) / 30
    everything = sum(each.size / SLOTS - WARM_DAYS for each in series.values()) / 30
    on_quiet, on_all = {}, {}
    for name, score in SCORES.items():
        found = {key: score(each) for key, each in series.items()}
        on_all[name] = threshold_of(list(found.values()), everything)
        still = [np.where(np.repeat(quiet[key], SLOTS), each, -np.inf) for key, each in found.items()]
        on_quiet[name] = threshold_of(still, months)
    return Limits("quiet days", on_quiet), Limits("all days", on_all)


def power(series: Mapping[str, Floats], *, half: int | None, seed: int) -> list[dict[str, Any]]:
    """For each rival, shape and size: the share found within the surge and the hour after it, and how soon."""
    names = sorted(series, key=lambda name: (not name.startswith("from "), -series[name].sum()))
    chosen = {name: series[name] for name in (names if half is None else names[half::2])}
    both, random = limits(chosen), np.random.default_rng(seed)
    where = {key: places(random, counts, quiet_days(counts)) for key, counts in chosen.items()}
    rows = []
    for shape in SHAPES:
        for size in SIZES:
            scores = _scores(random, chosen, where, shape, size)
            for measured in both:
                rows += _rows(scores, measured, {"shape": shape, "times": size, "measured_on": measured.measured_on})
    return rows


def _scores(
    random: np.random.Generator, series: Mapping[str, Floats], where: Mapping[str, Sequence[int]], shape: str, size: int
) -> dict[str, Floats]:
    """For each rival (surges, WINDOW): what it makes of the surge's hours and the one after."""
    found: dict[str, list[Floats]] = {name: [] for name in SCORES}
    for key, counts in series.items():
        for place in where[key]:
            first = (place - PAST_DAYS * SLOTS) // (7 * SLOTS) * 7 * SLOTS  # whole weeks: weekdays stay what they are
            changed = counts[max(first, 0) : place + WINDOW].copy()
            level = counts[place - 28 * SLOTS : place].mean()
            changed[-WINDOW : -WINDOW + LENGTH] += surge(random, shape, (size - 1) * level)
            padded = np.pad(changed, (0, -changed.size % SLOTS))
            for name, score in SCORES.items():
                found[name].append(score(padded)[changed.size - WINDOW : changed.size])
    return {name: np.stack(each) for name, each in found.items()}


def _rows(scores: Mapping[str, Floats], measured: Limits, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    delays = {name: _delays(each, measured.of[name]) for name, each in scores.items()}
    rows = []
    for name, each in delays.items():
        both = ~np.isnan(each) & ~np.isnan(delays[OURS])
        sooner = float(np.median(each[both] - delays[OURS][both])) if both.any() and name != OURS else None
        row = {
            "rival": name,
            "found": round(float(np.mean(~np.isnan(each))), 3),
            "median_delay_min": float(np.nanmedian(each)) if (~np.isnan(each)).any() else None,
            "mean_delay_min": round(float(np.nan_to_num(each, nan=WINDOW * STEP_MIN).mean())),
            "ours_sooner_by_min": sooner,
            "surges": each.size,
        }
        rows.append({**about, **row})
    return rows


def _delays(scores: Floats, limit: float) -> Floats:
    """(surges,) minutes from the beginning of each to its alarm; NaN: never."""
    high = scores >= limit
    return np.where(high.any(axis=1), high.argmax(axis=1) * float(STEP_MIN), np.nan)
