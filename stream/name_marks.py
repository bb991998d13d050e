"""What says of a single word that it is a company's name: a capital inside it, or the office that hangs on it.

In a Title Case headline every word has a capital, and these still prove something: "OpenAI Fires Its CEO",
"Zembla Boss Quits".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["has_inner_capital", "is_led", "marked_words", "up_to_office"]

_INNER = r"(?!(?:Mc|Mac|De|Di|Du|La|Le|Fitz|Van|Von)[A-Z])[A-Z][a-z]+[A-Z]\w*[A-Za-z]"
"""McCarthy and DeVito are people."""
_HAS_INNER = re.compile(rf"{_INNER}$")
_LED = re.compile(
    r"(?:['’]s)? (?:CEO|CFO|COO|CTO|[Cc]hief|[Bb]oss|(?:[Cc]o-?)?[Ff]ounder|[Cc]hair(?:man|woman)?|[Bb]oard"
    r"|[Ee]xecutives?|[Ii]nvestors|[Ss]hareholders|[Ss]hares|[Ss]tock|[Ee]mployees|[Ee]arnings|[Pp]rofits?|[Rr]evenues?|[Bb]onds)\b"
)
_MARKED = re.compile(rf"(?<![\w$@#/.&'’-])(?:{_INNER}\b|[A-Z]\w+(?={_LED.pattern}))")
_OFFICES = frozenset(
    ("CEO", "CFO", "COO", "CTO", "Chief", "Boss", "Founder", "Cofounder", "Co-founder", "Chair", "Chairman")
)


def has_inner_capital(word: str) -> bool:
    """True for OpenAI and TikTok, not for OPENAI, McCarthy, PhD."""
    return _HAS_INNER.match(word) is not None


def is_led(text: str, end: int) -> bool:
    """Whether what hangs on the name that ends there are its chief, board, shares or the like."""
    return _LED.match(text, end) is not None


def marked_words(text: str) -> Iterator[str]:
    """The words with such a mark, in order."""
    for match in _MARKED.finditer(text):
        yield match[0]


def up_to_office(words: Sequence[str]) -> Sequence[str]:
    """Capitalised words in a row without what follows a title of office: a name, and then who holds it.

    Of "Departure of CEO" nothing of the "of" is left.
    """
    last = next((place for place, word in enumerate(words) if place and word in _OFFICES), len(words))
    while last and words[last - 1] in ("of", "de", "&"):
        last -= 1
    return words[:last]
