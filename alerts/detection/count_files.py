"""Files of counts: `timestamp,value` in, `timestamp,value,anomaly_score` out, row by row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from alerts.detection.regular import Floats, RegularCounts
from alerts.detection.series import MINUTES_A_DAY
from alerts.errors import CountsFileError

__all__ = ["CountsFile", "read_counts", "write_scores"]

_FIRST_ROWS = 100
_MOST_BUCKETS = 20_000_000
"""Forty years of minutes: more is a mistake in a time, and would be made room for."""


@dataclass(frozen=True, eq=False)
class CountsFile:
    """`stamps` and `values` as they stand in the file; `places` is the bucket of each row in `counts`."""

    stamps: tuple[str, ...]
    values: tuple[str, ...]
    times: tuple[datetime, ...]
    places: tuple[int, ...]
    counts: RegularCounts


def read_counts(path: Path) -> CountsFile:
    """Reads a series of one step. The step is the usual distance of the first rows and divides a day evenly.

    Times without a zone are UTC. A row that is early or late by less than a step keeps its turn; buckets without a
    row are not known. Raises CountsFileError for what cannot be read, with the line; OSError for the file.
    """
    rows = _rows(path)
    if len(rows) < 2:
        raise CountsFileError(path, len(rows) + 1, "fewer than two rows", "give a series")
    times = [_time(path, line, stamp) for line, stamp, _ in rows]
    values = [_value(path, line, value) for line, _, value in rows]
    for (line, stamp, _), earlier, later in zip(rows[1:], times, times[1:], strict=False):
        if later < earlier:
            raise CountsFileError(path, line, f"{stamp} is before the row above it", "sort the rows by time")
    step = _step(path, times)
    first = int(times[0].timestamp() // 60) // step * step
    places = _places(times, first, step)
    if places[-1] >= _MOST_BUCKETS:
        raise CountsFileError(path, rows[-1][0], f"{places[-1]:,} steps after the first row", "mend its time")
    counts: Floats = np.full((1, places[-1] + 1), np.nan)
    counts[0, list(places)] = values
    stamps, texts = tuple(stamp for _, stamp, _ in rows), tuple(value for *_, value in rows)
    return CountsFile(stamps, texts, tuple(times), places, RegularCounts(first, step, counts))


def _rows(path: Path) -> list[tuple[int, str, str]]:
    """Line, time and value of each row, as they stand there."""
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        try:
            missing = {"timestamp", "value"} - set(reader.fieldnames or ())
            if missing:
                what = f"no column {' and '.join(sorted(missing))}"
                raise CountsFileError(path, 1, what, "name them in the first line")
            return [(reader.line_num, row["timestamp"] or "", row["value"] or "") for row in reader]
        except UnicodeDecodeError as error:
            raise CountsFileError(path, reader.line_num + 1, "this is not UTF-8", "save it as CSV UTF-8") from error
        except csv.Error as error:
            raise CountsFileError(path, reader.line_num, str(error), "look for a quote that is not closed") from error


def write_scores(path: Path, file: CountsFile, scores: Sequence[float]) -> None:
    """One line for each row of `file`, in its order and with its own spelling of time and value."""
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("timestamp", "value", "anomaly_score"))
        for stamp, value, score in zip(file.stamps, file.values, scores, strict=True):
            writer.writerow((stamp, value, f"{score:.9f}"))


def _time(path: Path, line: int, stamp: str) -> datetime:
    try:
        time = datetime.fromisoformat(stamp.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CountsFileError(path, line, f"{stamp!r} is not a time", "write it like 2026-01-31 23:55:00") from error


def _value(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise CountsFileError(path, line, f"{text!r} is not a count", "write a number of 0 or more")
    return value


def _step(path: Path, times: Sequence[datetime]) -> int:
    """Minutes. Only the first rows are looked at: what comes later must not change how the past was judged."""
    some = times[:_FIRST_ROWS]
    usual = median((later - earlier).total_seconds() for earlier, later in pairwise(some))
    step = round(usual / 60)
    if step < 1 or MINUTES_A_DAY % step:
        raise CountsFileError(
            path, 2, f"the rows are {usual:g} s apart", "give counts whose step divides a day, such as 5 minutes"
        )
    return step


def _places(times: Sequence[datetime], first: int, step: int) -> tuple[int, ...]:
    places: list[int] = []
    for time in times:
        place = int((time.timestamp() / 60 - first) // step)
        places.append(max(place, places[-1] + 1) if places else place)
    return tuple(places)
