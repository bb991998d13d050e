"""New sentences out of known ones, for a teacher to answer: a walk through the sentences of one set that may pass from
one to another wherever both have the same two words.

What comes out reads like the set and says something else, so it has no label; who learns from it learns what the
teacher makes of words in places where no annotator saw them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from model.datasets import Example
from model.labels import TOPIC_IDS
from model.splits import normalise

SOURCE: Final = "spliced"
PASSES: Final = 0.3  # how likely a walk passes to another sentence where it can
LONGEST: Final = 90  # words
TRIES: Final = 4  # a walk may come out as a sentence that there is already

Pair = tuple[str, str]


def spliced(
    chosen: Sequence[Example], copies: Mapping[str, float], *, taken: Collection[str], seed: int
) -> list[Example]:
    """Make examples that only a teacher speaks to, with the source `spliced`, each text once.

    Args:
        chosen: examples whose texts are walked through, set by set; those that ask about an entity are passed over.
        copies: how many sentences to make for each text of a set; a set that is not named gives none.
        taken: normalised texts that must not come out, beside those of `chosen`.
        seed: of everything drawn.
    """
    rng = np.random.default_rng((seed, 2))
    seen = {normalise(one.text) for one in chosen}.union(taken)
    none = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    found = []
    for source, count in copies.items():
        texts = dict.fromkeys(one.text for one in chosen if one.source == source and one.entity is None)
        walks = _Walks([text.split() for text in texts])
        for _ in range(round(count * len(texts))):
            text = next((new for new in walks.some(rng) if normalise(new) not in seen), None)
            if text is not None:
                seen.add(normalise(text))
                found.append(Example(text, SOURCE, (), (), none, none, False))
    return found


class _Walks:
    """The sentences of a set, and where each pair of words stands in them."""

    def __init__(self, sentences: Sequence[Sequence[str]]) -> None:
        self._sentences = sentences
        self._after: dict[Pair, list[tuple[int, int]]] = defaultdict(list)
        for number, words in enumerate(sentences):
            for place in range(2, len(words)):
                self._after[words[place - 2], words[place - 1]].append((number, place))

    def some(self, rng: np.random.Generator) -> list[str]:
        return [self._walk(rng) for _ in range(TRIES)] if self._after else []

    def _walk(self, rng: np.random.Generator) -> str:
        number, place = int(rng.integers(len(self._sentences))), 2
        words = list(self._sentences[number][:2])
        while place < len(self._sentences[number]) and len(words) < LONGEST:
            others = self._after[words[-2], words[-1]]
            if len(others) > 1 and rng.random() < PASSES:
                number, place = others[int(rng.integers(len(others)))]
            words.append(self._sentences[number][place])
            place += 1
        return " ".join(words)
