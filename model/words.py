"""A text cut into the units that an explanation speaks of: words, single Chinese characters, runs of signs.

Spans are places in the original text, so that whoever shows it can highlight them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

_HAN: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # with kana: neither is written with spaces
_WORD: Final = rf"[^\W{_HAN}]"
_UNIT: Final = re.compile(rf"(?P<character>[{_HAN}])|[$€£¥#@]?{_WORD}+(?:[.,'’&/-]{_WORD}+)*%?|[^\w\s]+")


class Unit(NamedTuple):
    """One unit: `text[start:end]`. `joined`: a character of a script without spaces."""

    start: int
    end: int
    joined: bool


def units_of(text: str) -> list[Unit]:
    """Cut a text; units rise, do not overlap, and cover everything but white space."""
    return [Unit(*found.span(), found["character"] is not None) for found in _UNIT.finditer(text)]


def without(text: str, units: Iterable[Unit]) -> str:
    """The text with these units taken out; what stood around a word stays apart."""
    pieces: list[str] = []
    at = 0
    for unit in sorted(units):
        pieces += [text[at : unit.start], "" if unit.joined else " "]
        at = unit.end
    return "".join([*pieces, text[at:]])


def windows(units: Sequence[Unit], most: int) -> list[range]:
    """What is taken out at a time: places of neighbouring units that cover all of them, at most `most` windows.

    A word goes alone. Neighbouring characters go in overlapping pairs, for a Chinese word has mostly two characters and
    half a word often means the same still. Where that would be more than `most`, equal stretches go instead.
    """
    found: list[range] = []
    for place, unit in enumerate(units):
        before = place > 0 and _adjoin(units[place - 1], unit)
        after = place + 1 < len(units) and _adjoin(unit, units[place + 1])
        if after:
            found.append(range(place, place + 2))
        elif not before:
            found.append(range(place, place + 1))
    if len(found) <= most:
        return found
    size = -(-len(units) // most)
    return [range(start, min(start + size, len(units))) for start in range(0, len(units), size)]


def _adjoin(first: Unit, second: Unit) -> bool:
    return first.joined and second.joined and first.end == second.start
