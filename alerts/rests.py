"""How long who works beside the documents rests, so that documents get the processor."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

__all__ = ["rest_s"]

_LONGEST_S: Final = 5.0


def rest_s(worked: timedelta, *, times: float) -> float:
    """Seconds of rest after work that took so long: `times` as long, and at most five seconds.

    What comes now and then is done at once, and in a flood more is done together.
    """
    return min(max(times * worked.total_seconds(), 0.0), _LONGEST_S)
