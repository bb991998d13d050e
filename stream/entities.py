"""Which companies of the watch list a text names, and where: candidates by automaton, then one verdict for each.

1. Every name that occurs (Aho-Corasick), at word boundaries, in its own case; longest match wins.
2. Every ticker that is written as one (`stream/tickers.py`).
3. A form that is an ordinary word too counts only with support (`stream/support.py`).
4. Each company once, where it is first named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ahocorasick  # type: ignore[import-not-found]
import msgspec

from model.characters import simplified
from stream.support import Support
from stream.tickers import TickerFinder
from stream.watchlist import Entity

__all__ = ["EntityLinker", "Found"]


class Found(msgspec.Struct, frozen=True):
    """One company named in a text: `surface` is `text[start:end]`, as it was written there."""

    entity_id: str
    surface: str
    start: int
    end: int


class _Form(msgspec.Struct, frozen=True):
    text: str
    entity_id: str
    ambiguous: bool
    chinese: bool
    any_case: bool
    """Nothing else is called so, however it is written: "berkshire hathaway"."""


class EntityLinker:
    """Finds the companies of one watch list. Safe to share between threads; building it takes under a second."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self._names = ahocorasick.Automaton()
        taken: dict[str, list[_Form]] = {}
        for entity in entities:
            for text in dict.fromkeys((entity.name, *entity.aliases)):
                form = _form(text, entity)
                taken.setdefault(_folded(text), []).append(form)
        for key, forms in taken.items():
            self._names.add_word(key, tuple(forms))
        if taken:
            self._names.make_automaton()
        self._tickers = TickerFinder(entities)

    def link(self, text: str) -> list[Found]:
        """The companies that the text names, each once, in order of their first naming. Never raises."""
        named = list(self._named(text))
        written = self._tickers.find(text)
        support = Support(text)
        sure = {form.entity_id for form, start, end in named if not form.ambiguous}
        sure |= {ticker.entity_id for ticker in written if ticker.certain}
        found: list[Found] = []
        certain = [(start, end) for form, start, end in named if form.entity_id in sure]
        starts, ends = {start for start, _ in certain}, {end for _, end in certain}
        for form, start, end in named:
            supported = form.entity_id in sure or support.for_name(start, end, chinese=form.chinese)
            if supported or support.listed_with(start, end, starts, ends):
                found.append(Found(form.entity_id, text[start:end], start, end))
        backed = sure | {one.entity_id for one in found}
        for ticker in written:
            if ticker.entity_id in backed or support.market_words(ticker.start, ticker.end):
                found.append(Found(ticker.entity_id, text[ticker.start : ticker.end], ticker.start, ticker.end))
        first: dict[str, Found] = {}
        for one in sorted(found, key=lambda one: (one.start, -one.end)):
            first.setdefault(one.entity_id, one)
        return list(first.values())

    def lists(self, name: str) -> bool:
        """Whether it is the name or alias of a company, in any case."""
        return _folded(name) in self._names

    def _named(self, text: str) -> Iterator[tuple[_Form, int, int]]:
        """Names at word boundaries in an acceptable case; of overlapping ones the longest, then the leftmost."""
        if not len(self._names):
            return
        candidates = []
        for last, forms in self._names.iter(_folded(text)):
            end = last + 1
            form = next((f for f in forms if _stands(f, text, end - len(f.text), end)), None)
            if form is not None:
                candidates.append((form, end - len(form.text), end))
        candidates.sort(key=lambda one: (one[1] - one[2], one[1]))
        kept: list[tuple[_Form, int, int]] = []
        taken = bytearray(len(text))  # comparing each with each would take a text of 13,000 names 20 s
        for form, start, end in candidates:
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                kept.append((form, start, end))
        yield from sorted(kept, key=lambda one: one[1])


def _form(text: str, entity: Entity) -> _Form:
    chinese = any(_is_han(c) for c in text)
    ambiguous = text in entity.ambiguous
    words = text.split()
    any_case = not ambiguous and not chinese and (len(words) > 1 or (len(text) >= 6 and text.isalpha()))
    return _Form(text, entity.entity_id, ambiguous, chinese, any_case)


def _stands(form: _Form, text: str, start: int, end: int) -> bool:
    """True where the form stands by itself at this place, written as a name."""
    surface = text[start:end]
    if form.chinese:
        return not _goes_on(form.text, text, end)
    before, after = text[start - 1 : start], text[end : end + 1]
    if _joins(before) or _joins(after):
        return False
    if before and before in _BARS_BEFORE and not text[start - 2 : start - 1].isspace():
        return False
    hyphen_before = before == "-" and text[start - 2 : start - 1].isalnum()
    if form.ambiguous and (hyphen_before or (after == "-" and text[end + 1 : end + 2].isalnum())):
        return False  # "H-1B Visa-free"; but "UBS-Credit Suisse deal"
    if after and after in "&/@" and text[end + 1 : end + 2].isalnum() and not form.any_case:
        return False
    if after == "." and text[end + 1 : end + 4].lower() in ("com", "org", "net"):
        return False
    if form.any_case or surface.replace("’", "'") == form.text:
        return True
    return surface.isupper() and len(surface) >= 4 and not form.ambiguous


_BARS_BEFORE = "$#@./&'’"
"""Before a name these make it part of something else (an address, a tag), unless they open a word."""
_BANKING_GOES_ON = {"业": "绩务", "间": "", "卡": "", "家": ""}


def _goes_on(name: str, text: str, end: int) -> bool:
    """True where a Chinese name is only the beginning of another word: 中国银行 in 中国银行业协会."""
    if not name.endswith("银行"):
        return False
    allowed = _BANKING_GOES_ON.get(_simplified(text[end : end + 1]))
    return allowed is not None and (not allowed or _simplified(text[end + 1 : end + 2]) not in tuple(allowed))


def _joins(character: str) -> bool:
    """Latin letters, digits and marks continue a Latin word; Chinese characters do not."""
    return bool(character) and (character.isalnum() or character == "_") and not _is_han(character)


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff"


def _folded(text: str) -> str:
    """The text in one case and in simplified characters, every character in its place."""
    if text.isascii():
        return text.lower()
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return _simplified(lower)


def _simplified(text: str) -> str:
    """Traditional characters as simplified ones, and the typographic apostrophe as the plain one (Macy’s)."""
    return simplified(text).replace("’", "'")
