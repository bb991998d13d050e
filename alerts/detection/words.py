"""Which words of a document made the model call it bad: what is kept of that with an alert."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Word"]


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word, or neighbouring ones, of a document: its title's or body's characters from `start` to before `end`.

    Places count Unicode code points. `weight` is how far P(negative) falls without it, above 0 to 1. `text` is
    untrusted as the document is.
    """

    text: str
    place: Literal["title", "body"]
    start: int
    end: int
    weight: float
