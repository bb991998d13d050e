"""When a document must have been published to count: hours of the day and days of the week, in a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.detection.series import time_of

__all__ = ["WEEKDAYS", "Times", "hours_of", "zone_of"]

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Times:
    """From `start` to `end` (the end is not in it), over midnight where `end` is earlier; the same: all day.

    `weekdays` are numbers from 0 for Monday; the hours after midnight belong to the day on which they began.
    """

    start: time = time(0)
    end: time = time(0)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    weekdays: frozenset[int] = frozenset(range(7))

    def hold(self, minute: int) -> bool:
        """Whether a minute since 1970 lies within."""
        local = time_of(minute).astimezone(self.zone)
        at, day = local.time(), local.weekday()
        if self.start < self.end and not self.start <= at < self.end:
            return False
        if self.end < self.start and at < self.end:
            day = (day - 1) % 7
        elif self.end < self.start and at < self.start:
            return False
        return day in self.weekdays


def hours_of(text: str) -> tuple[time, time]:
    """From `09:30-17:00`. Raises ValueError that says how they are written."""
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError("write hours as HH:MM-HH:MM, such as 09:30-17:00 or 22:00-06:00")
    first, second, third, fourth = map(int, found.groups())
    return time(first, second), time(third, fourth)


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("give a name of the IANA list, such as Asia/Shanghai") from None
