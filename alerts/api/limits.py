"""How often somebody may ask: sliding windows in memory, one for each token, and one for each address that fails."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from alerts.api.problems import ProblemError
from alerts.security_log import note

__all__ = ["Limits"]

_INVALID_NOTED = 20


class Limits:
    """`per_minute` requests of one token, `failures_per_minute` wrong tokens from one address.

    Each process counts for itself. The library tells the time by itself: no decision but this one hangs on it.
    """

    def __init__(self, *, per_minute: int, failures_per_minute: int = 10) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(per_minute)
        self._failures = RateLimitItemPerMinute(failures_per_minute)
        self._notes = RateLimitItemPerMinute(1)
        self._invalid = RateLimitItemPerMinute(_INVALID_NOTED)

    def count_request(self, who: str) -> None:
        """Raises ProblemError (429) where `who` has asked too often."""
        if not self._limiter.hit(self._requests, "request", who):
            raise self._refused(self._requests, "request", who)

    def refuse_guessing(self, address: str) -> None:
        """Raises ProblemError (429) where too many wrong tokens came from this address lately."""
        if not self._limiter.test(self._failures, "failure", address):
            raise self._refused(self._failures, "failure", address)

    def count_failure(self, address: str) -> None:
        """Notes a wrong token."""
        self._limiter.hit(self._failures, "failure", address)

    def worth_noting(self, address: str) -> bool:
        """Whether one more request that makes no sense is worth a line: an address fills no log."""
        return self._limiter.hit(self._invalid, "invalid", address)

    def _refused(self, item: RateLimitItemPerMinute, kind: str, who: str) -> ProblemError:
        if self._limiter.hit(self._notes, "note", kind, who):  # whoever goes on does not fill the log
            note("limit_reached", of=kind, who=who, per_minute=item.amount)
        wait_s = max(1, math.ceil(self._limiter.get_window_stats(item, kind, who).reset_time - time.time()))
        detail = f"At most {item.amount} a minute; come back in {wait_s} s."
        return ProblemError(429, "Too many requests", detail, headers={"Retry-After": str(wait_s)})
