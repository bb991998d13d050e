"""How long who works beside the documents rests, so that documents get the processor."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

__all__ = ["rest_s"]

_TIMES: Final = 4.0
_LONGEST_S: Final = 5.0


def rest_s(worked: timedelta) -> float:
    """Seconds of rest after work that took so long: four times as long, and at most five seconds.

    So it takes no more than a fifth of the time, unless it is dearer than a second at a time: what comes now and then
    is done at once, and in a flood more is done together.
    """
    return min(max(_TIMES * worked.total_seconds(), 0.0), _LONGEST_S)
