"""Another company's name in the same sentence: the name must not decide the answer.

Names are those that the training rows ask about. A text that asks about no entity has its longest known name swapped.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import ahocorasick  # type: ignore[import-not-found]
import numpy as np

from model.datasets import Example
from model.routing import Language, language_of

_SHORTEST: Final[dict[Language, int]] = {"en": 3, "zh": 2}  # characters of a name worth finding


class EntitySwap:
    """The names of a set of examples, ready to be found in texts and exchanged.

    Args:
        chosen: examples; those with an entity give the names, by the language of their texts.
    """

    def __init__(self, chosen: Iterable[Example]) -> None:
        found: dict[Language, dict[str, None]] = defaultdict(dict)
        for one in chosen:
            language = language_of(one.text)
            if one.entity and len(one.entity) >= _SHORTEST[language]:
                found[language][one.entity] = None
        self._names = {language: list(names) for language, names in found.items()}
        self._finders = {language: _finder(names) for language, names in self._names.items()}

    def swapped(self, one: Example, rng: np.random.Generator) -> Example:
        """The example with another name in place of its own; itself where it has no sentiment or no known name."""
        if not one.allowed:
            return one
        language = language_of(one.text)
        names = self._names.get(language, [])
        old = one.entity or self._named(one.text, language)
        if not old or old not in one.text or len(names) < 2:
            return one
        new = names[int(rng.integers(len(names)))]
        return replace(one, text=_exchanged(one.text, old, new), entity=one.entity and new)

    def _named(self, text: str, language: Language) -> str | None:
        if language not in self._finders:
            return None
        found = {name for _, name in self._finders[language].iter(text)}
        whole = (name for name in found if _alone(name).search(text))
        return max(whole, key=lambda name: (len(name), name), default=None)


def _finder(names: Sequence[str]) -> Any:
    finder = ahocorasick.Automaton()
    for name in names:
        finder.add_word(name, name)
    finder.make_automaton()
    return finder


def _exchanged(text: str, old: str, new: str) -> str:
    """All places where the old name stands alone; all places at all where it stands alone in none."""
    exchanged, count = _alone(old).subn(lambda _: new, text)
    return exchanged if count else text.replace(old, new)


def _alone(name: str) -> re.Pattern[str]:
    """A name that no Latin letter or digit touches; Chinese has no spaces between words."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")
