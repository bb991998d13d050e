"""When a person is not to be disturbed: hours of the day in a zone, and days on which a market is closed."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.errors import WrongSettingError

__all__ = ["OpenDays", "QuietHours", "zone_of"]

_MOST_STEPS: Final = 90
"""Of nights and closed days in a row; longer than any market was ever closed for."""


@dataclass(frozen=True)
class OpenDays:
    """On which days a market trades, as far as is known: `until` is the last day that the table tells of."""

    sessions: Container[date]
    until: date | None

    def closed(self, day: date) -> bool:
        """Whether the market is known to be closed; a day that nobody knows of counts as open."""
        return self.until is not None and day <= self.until and day not in self.sessions


EVERY_DAY: Final = OpenDays((), None)


@dataclass(frozen=True)
class QuietHours:
    """Quiet from `start` to `end`, local time in `zone`, over midnight where `end` is not after `start`.

    Equal times are no quiet hours at all. Raises WrongSettingError for a zone that does not exist.
    """

    start: time = time(0)
    end: time = time(0)
    zone: str = "UTC"

    def __post_init__(self) -> None:
        zone_of(self.zone)

    def until(self, now: datetime, days: OpenDays = EVERY_DAY) -> datetime:
        """The first moment from `now` on that is not quiet, in UTC: `now` itself where that is not."""
        at, zone = now, zone_of(self.zone)
        for _ in range(_MOST_STEPS):
            local = at.astimezone(zone)
            if days.closed(local.date()):
                at = datetime.combine(local.date() + timedelta(days=1), time(0), zone).astimezone(UTC)
            elif self._within(local.time()):
                day = local.date() + timedelta(days=self.end <= self.start and local.time() >= self.start)
                # Where clocks jump over the end, it is a moment later by the same clock: never before `at`.
                at = max(datetime.combine(day, self.end, zone).astimezone(UTC), at + timedelta(seconds=1))
            else:
                return at
        return at

    def _within(self, local: time) -> bool:
        if self.start == self.end:
            return False
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises WrongSettingError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WrongSettingError("zone", name, "give a name of the IANA list, such as Asia/Shanghai") from error
