"""What crawling does to a text: markup, invisible characters, full-width letters, control characters.

Each function takes a clean text and returns a soiled one that reads the same to a person.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

__all__ = ["DEBRIS", "control_characters", "full_width", "html", "zero_width"]

_ADVERT = '<div class="ad"><a href="https://ads.example/?q=1&amp;r=2">&raquo;</a></div>'


def html(text: str, rng: Random) -> str:
    """A paragraph cut out of a page, with the script that stood beside it."""
    words = text.split(" ")
    spot = rng.randrange(len(words))
    words[spot] = f"<em>{words[spot]}</em>"
    script = "<script>window.dataLayer=[];document.write('<p>x</p>')</script>"
    return f"<!-- {rng.randrange(10**6)} --><p>{' '.join(words).replace('&', '&amp;')}</p>{_ADVERT}{script}<br/>&nbsp;"


def zero_width(text: str, rng: Random) -> str:
    """Zero-width spaces and a byte-order mark, also inside words, as copy protection leaves them."""
    soiled = list(text)
    for _ in range(1 + len(text) // 25):
        soiled.insert(rng.randrange(len(soiled)), rng.choice("\u200b\u200b\ufeff\u2060"))
    return "".join(soiled)


def full_width(text: str, rng: Random) -> str:
    """Latin letters and digits as East Asian input methods set them."""
    del rng
    return "".join(chr(ord(sign) + 0xFEE0) if sign.isascii() and sign.isalnum() else sign for sign in text)


def control_characters(text: str, rng: Random) -> str:
    """Null, bell and escape at the ends of the text, as broken converters leave them. PostgreSQL refuses the null."""
    return f"\x00{text}\x07" if rng.random() < 0.5 else f"{text}\x1b\x00"


DEBRIS: tuple[tuple[Callable[[str, Random], str], frozenset[str]], ...] = (
    (html, frozenset({"html_removed"})),
    (zero_width, frozenset({"invisible_removed"})),
    (full_width, frozenset()),
    (control_characters, frozenset({"control_removed"})),
)
"""Each sort of debris with the flags that mending it must leave."""
