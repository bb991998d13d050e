"""Which words of a document made the model call it bad: what is kept of that with an alert."""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

__all__ = ["Word"]

_MOST_LOG_ODDS: Final = 16.0


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word, or neighbouring ones, of a document: its title's or body's characters from `start` to before `end`.

    Places count Unicode code points. `weight` is how far the log-odds of negative fall without it, above 0. `text` is
    untrusted as the document is.
    """

    text: str
    place: Literal["title", "body"]
    start: int
    end: int
    weight: float

    @property
    def times(self) -> str:
        """How many times higher it makes the odds of negative: "×3.2"."""
        factor = math.exp(min(self.weight, _MOST_LOG_ODDS))
        return f"×{factor:.1f}" if factor < 10 else f"×{factor:,.0f}"
