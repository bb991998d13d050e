"""Marks words in text that nobody trusts: the text is escaped piece by piece, the marks are ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup, escape

from alerts.detection.words import Word

__all__ = ["excerpt", "explained", "marked"]

_MOST_WORDS = 50
_EXCERPT_CHARS: Final = 400
_BEFORE_CHARS: Final = 60


def marked(text: str, wanted: Iterable[str]) -> Markup:
    """`text` as HTML with <mark> around every occurrence of a wanted word, whatever its case; longest first."""
    chosen = sorted({word for word in wanted if word.strip()}, key=len, reverse=True)[:_MOST_WORDS]
    if not chosen:
        return escape(text)
    pattern = re.compile("|".join(_bounded(word) for word in chosen), re.IGNORECASE)
    pieces, last = [], 0
    for found in pattern.finditer(text):
        pieces += [escape(text[last : found.start()]), Markup("<mark>{}</mark>").format(found[0])]
        last = found.end()
    return Markup("").join([*pieces, escape(text[last:])])


def explained(text: str, words: Iterable[Word], names: Iterable[str], told: str, *, start: int = 0) -> Markup:
    """`text` as HTML with the words that moved the model marked as `told`, in which {times} is how they raise the odds.

    Names are marked between them. `start` is where `text` begins in the whole that the words are places of; a word
    that is not there as it was when it was noted is left out.
    """
    names = list(names)
    pieces, last = [], 0
    for word in sorted(words, key=lambda word: word.start):
        first, end = word.start - start, word.end - start
        if last <= first < end and text[first:end] == word.text:
            mark = Markup('<mark class="telling" title="{}">{}</mark>')
            pieces += [
                marked(text[last:first], names),
                mark.format(told.format(times=word.times), word.text),
            ]
            last = end
    return Markup("").join([*pieces, marked(text[last:], names)])


def excerpt(body: str, words: Sequence[Word]) -> tuple[int, str]:
    """The stretch of a body that begins shortly before the first of its words, and where; empty without words."""
    if not words:
        return 0, ""
    start = max(0, min(word.start for word in words) - _BEFORE_CHARS)
    return start, body[start : start + _EXCERPT_CHARS]


def _bounded(word: str) -> str:
    """The word on its own, where its script has boundaries: "Ford" is not in "afford", but 央行 is in 央行宣布."""
    pattern = re.escape(word)
    left = r"\b" if word[0].isascii() and word[0].isalnum() else ""
    right = r"\b" if word[-1].isascii() and word[-1].isalnum() else ""
    return f"{left}{pattern}{right}"
