"""Marks words in text that nobody trusts: the text is escaped piece by piece, the marks are ours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

__all__ = ["marked"]

_MOST_WORDS = 50


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


def _bounded(word: str) -> str:
    """The word on its own, where its script has boundaries: "Ford" is not in "afford", but 央行 is in 央行宣布."""
    pattern = re.escape(word)
    left = r"\b" if word[0].isascii() and word[0].isalnum() else ""
    right = r"\b" if word[-1].isascii() and word[-1].isalnum() else ""
    return f"{left}{pattern}{right}"
