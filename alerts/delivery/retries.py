"""When a delivery is tried again: one function says whether, one schedule says when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from alerts.errors import AlertsError, RefusedError

__all__ = ["GONE", "Schedule", "retry_after", "tells_of_endpoint", "worth_retrying"]

GONE = 410
"""The endpoint asks not to be called any more."""

_HOPELESS = frozenset({400, 405, 413, 414, 415, 422, 431, 501, 505})
"""The request itself is not wanted; sending it again changes nothing. 401 and 404 are mended by people in hours."""


def worth_retrying(error: AlertsError) -> bool:
    """Whether the same request may succeed later: everything but a refusal of the request itself.

    An address that is forbidden or does not resolve is worth it too: settings and names get mended.
    """
    return not (isinstance(error, RefusedError) and error.status in _HOPELESS | {GONE})


def tells_of_endpoint(error: AlertsError) -> bool:
    """Whether it says that the endpoint is in trouble, and not merely that it does not want this one request."""
    return worth_retrying(error) and not (isinstance(error, RefusedError) and error.retry_after is not None)


@dataclass(frozen=True)
class Schedule:
    """Waits grow from `first` by `factor` up to `longest`, each stretched or shrunk by a fifth; over after `give_up`.

    With the defaults about ten attempts: after 5 s, 20 s, 80 s, 5 min, 21 min, 1.4 h, 5.7 h, then every 6 h.
    """

    first: timedelta = timedelta(seconds=5)
    factor: float = 4.0
    longest: timedelta = timedelta(hours=6)
    give_up: timedelta = timedelta(hours=24)
    least: int = 5
    """So many attempts are made in any case: after a standstill, or with a clock set forwards, time seems over."""

    def next_attempt(
        self, *, attempts: int, created_at: datetime, now: datetime, error: AlertsError, chance: Callable[[], float]
    ) -> datetime | None:
        """When to try again after `attempts` (at least 1) have failed, or None to give up.

        An endpoint that says Retry-After is not asked before that. `chance` is random, 0 to 1.
        """
        if not worth_retrying(error):
            return None
        seconds = min(self.first.total_seconds() * self.factor ** min(attempts - 1, 64), self.longest.total_seconds())
        wait = timedelta(seconds=seconds * (0.8 + 0.4 * chance()))
        asked = error.retry_after if isinstance(error, RefusedError) else None
        at = now + max(wait, asked or timedelta(0))
        return at if at <= created_at + self.give_up or attempts < self.least else None


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The header's wish, seconds or a date, at most a day; None where it is absent or makes no sense."""
    if not value:
        return None
    try:
        wait = timedelta(seconds=int(value)) if value.strip().isdigit() else _until(value, now)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), timedelta(days=1))


def _until(value: str, now: datetime) -> timedelta:
    at = parsedate_to_datetime(value)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
