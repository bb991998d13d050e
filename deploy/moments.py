"""Times to come as people write them on the command line: `--for 2h`, `--until 2026-11-30T08:00+08:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from deploy.errors import UsageError

__all__ = ["moment"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile(r"(\d{1,9})([mhdw])")
_LONGEST_DAYS = 3660


def moment(now: datetime, *, for_: str = "", until: str = "") -> datetime:
    """The time that `for_` (such as 90m, 2h, 1d12h) from now or `until` (ISO 8601 with a zone) names.

    Raises UsageError where neither or both are given, or one makes no sense.
    """
    if bool(for_) == bool(until):
        raise UsageError("give either --for, such as 2h, or --until, such as 2026-11-30T08:00+08:00")
    if for_:
        parts = _PART.findall(for_)
        if not parts or "".join(count + unit for count, unit in parts) != for_:
            raise UsageError(f"--for is {for_!r}; give minutes, hours, days or weeks, such as 90m, 2h, 1d12h or 1w")
        wait = sum((timedelta(**{_UNITS[unit]: min(int(count), 10**6)}) for count, unit in parts), timedelta())
        return now + min(wait, timedelta(days=_LONGEST_DAYS))
    try:
        at = datetime.fromisoformat(until)
    except ValueError as error:
        raise UsageError(f"--until is {until!r}; give ISO 8601, such as 2026-11-30T08:00+08:00") from error
    if at.tzinfo is None:
        raise UsageError(f"--until is {until!r}, without a zone; add one, such as {until}Z")
    return at
