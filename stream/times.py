"""When a document was published: reading what crawlers send, and replacing what cannot be true.

Flags it may set: `time_replaced`.
"""

from __future__ import annotations

import math
import re
import warnings
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from dateutil import parser as dateutil_parser  # type: ignore[import-untyped]

from stream.limits import Limits

__all__ = ["believable", "read_time"]

_BEIJING = timezone(timedelta(hours=8))
_MAX_CHARS = 64
_EPOCH = re.compile(r"[+-]?\d{9,19}(\.\d+)?(e\+?\d+)?", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{8})[T ]?(\d{6})(Z?)")
_CHINESE = re.compile(
    r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日\s*(?:星期.|周.)?\s*"
    r"(上午|下午|晚上|凌晨|中午)?\s*(?:(\d{1,2})\s*[:：时時点點]\s*(\d{1,2})?\s*(?:[:：分]\s*(\d{1,2})?\s*秒?)?)?"
)
_RFC_2822 = re.compile(r"[A-Za-z]{3,9},\s|\d{1,2}\s[A-Za-z]{3}\s\d")

# Zones that news agencies write by name. dateutil knows none of them, and would silently read UTC.
_ZONES = {
    name: hours * 3600
    for name, hours in {
        "EST": -5, "EDT": -4, "ET": -5, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "PT": -8,
        "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "HKT": 8, "SGT": 8, "JST": 9, "KST": 9,
    }.items()
}  # fmt: skip

# A date that leaves something out differs between these two, and is no date.
_GUESSES = (datetime(2001, 1, 1), datetime(2002, 2, 2))  # noqa: DTZ001 - only ever fill gaps


def read_time(text: str) -> datetime | None:
    """A time in whatever notation, as aware UTC; None where it names no complete date.

    Reads RFC 3339 and its relatives, RFC 2822, epoch seconds, milliseconds, microseconds and nanoseconds,
    compact and Chinese notation, and what dateutil knows. A missing zone means UTC, or Beijing's in Chinese.
    """
    text = text.strip()
    if not text or len(text) > _MAX_CHARS:
        return None
    try:
        found = _read(text)
        if found is None:
            return None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, ArithmeticError, TypeError, IndexError, AttributeError):
        return None  # dateutil raises any of these on text that is no date


def believable(
    published_at: str, fetched_at: datetime | None, arrived_at: datetime, limits: Limits
) -> tuple[datetime, tuple[str, ...]]:
    """The publication time if it can be true, else the time of fetching or, failing that, of arrival."""
    latest = arrived_at + limits.future
    read = read_time(published_at)
    if read is not None and limits.oldest <= read <= latest:
        return read, ()
    if fetched_at is not None and limits.oldest <= fetched_at <= latest:
        return fetched_at, ("time_replaced",)
    return arrived_at, ("time_replaced",)


def _read(text: str) -> datetime | None:
    if _EPOCH.fullmatch(text):
        compact = _COMPACT.fullmatch(text)
        if compact and text.startswith(("19", "20")) and len(text) == 14:
            return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - zoned by the caller
        return _from_epoch(float(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if _RFC_2822.match(text):
        try:
            return parsedate_to_datetime(text)
        except ValueError:
            pass
    if "年" in text:
        return _chinese(text)
    return _by_dateutil(text)


def _from_epoch(number: float) -> datetime:
    """Seconds, or a thousandth, millionth, billionth of them: whichever lands in this age."""
    if math.isinf(number):
        raise OverflowError("no time")  # however often it is divided
    while abs(number) >= 1e11:
        number /= 1000
    return datetime.fromtimestamp(number, tz=UTC)


def _chinese(text: str) -> datetime | None:
    match = _CHINESE.search(text)
    if not match:
        return None
    year, month, day, part, hour, minute, second = match.groups()
    hours = int(hour or 0)
    if (part in ("下午", "晚上") and hours < 12) or (part == "中午" and hours < 11):
        hours += 12
    return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0), tzinfo=_BEIJING)


def _by_dateutil(text: str) -> datetime | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unknown zone name warns; UTC is then as good as any
        first, second = (dateutil_parser.parse(text, default=guess, tzinfos=_ZONES) for guess in _GUESSES)
    return first if first == second else None
