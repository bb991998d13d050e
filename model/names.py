"""Where a text names a company, a person or a place, so that n-grams beside an encoder learn nothing from names.

Two sources, neither of them a list from elsewhere: the entities that labelled rows are filed under, and in English the
words that train rows write with a capital letter in the middle of sentences (Lita, Ittycheriah, Roukos, Kambhatla:
tRuEcasIng, ACL 2003), which finds the names that nobody asked about. Cashtags are names as well.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import ahocorasick  # type: ignore[import-not-found]
import numpy as np

from model.datasets import Row
from model.measures import Flags
from model.reader import Reader
from model.routing import Language, language_of

SHORTEST: Final[dict[Language, int]] = {"en": 3, "zh": 2}  # characters of a name worth finding
MOSTLY: Final = 0.9  # of a word's places inside sentences must have a capital letter
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'&.-]*[A-Za-z]|[A-Za-z]")
_CASHTAG: Final = re.compile(r"\$[A-Za-z][A-Za-z.]{0,6}\b")
_ABSENT: Final = "NaN"  # what a labelled file has where a row is filed under no entity
Span = tuple[int, int]


class Names:
    """Names, ready to be found in texts of the same language.

    Args:
        listed: names by language, found where no Latin letter or digit touches them.
        words: small-letter words that are names wherever they stand in an English text.
    """

    def __init__(self, listed: Mapping[Language, Iterable[str]], words: Iterable[str] = ()) -> None:
        self._words = frozenset(words)
        self._listed = {language: list(dict.fromkeys(names)) for language, names in listed.items()}
        self._finders = {language: name_finder(names) for language, names in self._listed.items()}

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Names":
        """The names that rows tell of: their entities, by the language of their texts, and what they capitalise."""
        listed: dict[Language, dict[str, None]] = defaultdict(dict)
        english: dict[str, None] = {}
        for row in rows:
            language = language_of(row.text)
            listed[language] |= dict.fromkeys(name for name in _filed(row) if len(name) >= SHORTEST[language])
            if language == "en":
                english[row.text] = None
        return cls(listed, capitalised(english))

    def spans(self, text: str) -> list[Span]:
        """Beginning and end of every name in a text, some within others."""
        found = [match.span() for match in _CASHTAG.finditer(text)]
        if language_of(text) == "en":
            found += [match.span() for match in _WORD.finditer(text) if _plain(match[0]) in self._words]
        return found + self._listed_in(text)

    def swapped(self, text: str, count: int, rng: np.random.Generator) -> list[str]:
        """The text `count` times, each with a name drawn from the list in place of its longest listed one; [] if it has
        none."""
        spans = self._listed_in(text)
        if not spans:
            return []
        start, end = max(spans, key=lambda span: (span[1] - span[0], span))
        names = self._listed[language_of(text)]
        drawn = rng.integers(len(names), size=count)
        return [exchanged(text, text[start:end], names[place]) for place in drawn.tolist()]

    def _listed_in(self, text: str) -> list[Span]:
        finder = self._finders.get(language_of(text))
        places = finder.iter(text) if finder is not None else ()
        spans = ((last + 1 - len(name), last + 1) for last, name in places)
        return [span for span in spans if stands_alone(text, *span)]

    def hidden(self, reader: Reader, texts: Sequence[str]) -> list[Flags]:
        """Which pieces of each text, as a reader cuts it, are of a name: flags as many as its token ids."""
        shown = [reader.shown(text) for text in texts]
        return [
            _touched(encoding.offsets, self.spans(text))
            for text, encoding in zip(shown, reader.tokenizer.encode_batch(shown), strict=True)
        ]


def capitalised(texts: Iterable[str]) -> set[str]:
    """Words, in small letters, that are nearly always written with one capital letter inside of sentences.

    The first word of a text says nothing, nor do headlines that capitalise every other word, nor abbreviations.
    """
    small: Counter[str] = Counter()
    large: Counter[str] = Counter()
    for text in texts:
        words = _WORD.findall(text)
        if 2 * sum(word[0].islower() for word in words) < len(words):
            continue
        for word in words[1:]:
            if word[0].islower():
                small[_plain(word)] += 1
            elif len(word) > 2 and word[1:].islower():
                large[_plain(word)] += 1
    return {word for word, count in large.items() if count >= MOSTLY * (count + small[word])}


def name_finder(names: Iterable[str]) -> Any:
    """An automaton whose `iter(text)` gives the last place and the name of every occurrence; None of no names."""
    finder = ahocorasick.Automaton()
    for name in names:
        finder.add_word(name, name)
    if not len(finder):
        return None
    finder.make_automaton()
    return finder


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no Latin letter or digit touches a part of a text; Chinese has no spaces between words."""
    around = text[max(start - 1, 0) : start] + text[end : end + 1]
    return not any(one.isascii() and one.isalnum() for one in around)


def exchanged(text: str, old: str, new: str) -> str:
    """All places where the old name stands alone; all places at all where it stands alone in none."""
    places = [match.start() for match in re.finditer(re.escape(old), text)]
    alone = [start for start in places if stands_alone(text, start, start + len(old))]
    if not alone:
        return text.replace(old, new)
    cuts = [0, *(place for start in alone for place in (start, start + len(old))), len(text)]
    return new.join(text[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True))


def _filed(row: Row) -> list[str]:
    names = (name.strip() for name in (row.entity or "", *row.entities.split(";")))
    return [name for name in names if name not in ("", _ABSENT)]


def _plain(word: str) -> str:
    return word.lower().removesuffix("'s")


def _touched(offsets: Sequence[Span], spans: Sequence[Span]) -> Flags:
    """Which pieces, each from a character to another, share a character with a span."""
    ends = max((end for _, end in (*offsets, *spans)), default=0)
    inside = np.zeros(ends + 1, dtype=np.int64)
    for start, end in spans:
        inside[start + 1 : end + 1] = 1
    counted = np.cumsum(inside)
    return np.array([counted[end] > counted[start] for start, end in offsets], dtype=np.bool_)
