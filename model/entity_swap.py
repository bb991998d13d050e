"""Another company's name in the same sentence: the name must not decide the answer.

Names are those that the training rows ask about. A text that asks about no entity has its longest known name swapped.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from model.datasets import Example
from model.names import SHORTEST, exchanged, name_finder, stands_alone
from model.routing import Language, language_of


class EntitySwap:
    """The names of a set of examples, ready to be found in texts and exchanged.

    Args:
        chosen: examples; those with an entity give the names, by the language of their texts.
    """

    def __init__(self, chosen: Iterable[Example]) -> None:
        found: dict[Language, dict[str, None]] = defaultdict(dict)
        for one in chosen:
            language = language_of(one.text)
            if one.entity and len(one.entity) >= SHORTEST[language]:
                found[language][one.entity] = None
        self._names = {language: list(names) for language, names in found.items()}
        self._finders = {language: name_finder(names) for language, names in self._names.items()}

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
        return replace(one, text=exchanged(one.text, old, new), entity=one.entity and new)

    def _named(self, text: str, language: Language) -> str | None:
        if language not in self._finders:
            return None
        found = ((last + 1 - len(name), name) for last, name in self._finders[language].iter(text))
        whole = {name for start, name in found if stands_alone(text, start, start + len(name))}
        return max(whole, key=lambda name: (len(name), name), default=None)
