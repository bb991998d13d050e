"""Which words of an alert's document moved the model: the scorer's model, asked by occlusion on one core.

Alerts know no model, and the model knows no alerts; here they meet. The words are asked of the same text, toward the
same company, as the score was. The cost is bounded: at most `model.explanation.BUDGET` texts no longer than the model
reads, which is some 0.3 s for a news item and under a second for the longest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from alerts.detection.words import Word
from model.classifier import Classifier
from model.explanation import Token, explain
from stream.intake import joined

__all__ = ["WordsOfModel"]

_MOST: Final = 8
_LEAST_SHARE: Final = 0.2
"""Of the heaviest: what weighs less is left out."""
_LEAST: Final = 0.1
"""Of the log-odds: odds that fall by less than a tenth are no matter of this word."""


class WordsOfModel:
    """An explainer for `alerts.explaining`, with a model of its own: the scorer's cores stay the scorer's."""

    def __init__(self, folder: Path) -> None:
        """Loads the weights; raises ArtefactError or EngineError where that cannot be done."""
        self._classifier = Classifier.load(folder, engine="onnx", threads=1)

    @property
    def version(self) -> str:
        """The model's version."""
        return self._classifier.version

    def __call__(self, title: str, body: str, toward: str | None) -> list[Word]:
        """The words that speak for "negative", heaviest first; neighbours are one."""
        text = joined(title, body)
        tokens = explain(self._classifier, text, "negative", toward=toward, scale="log-odds").tokens
        heaviest = max((token.attribution for token in tokens), default=0.0)
        least = max(_LEAST, heaviest * _LEAST_SHARE)
        body_from = len(text) - len(body)
        title_to = len(title)
        words = []
        for run in _runs(text, [one for one in tokens if one.attribution >= least and _is_word(one.text)]):
            start, end, weight = run[0].start, run[-1].end, max(token.attribution for token in run)
            if end <= title_to:
                words.append(Word(text=text[start:end], place="title", start=start, end=end, weight=round(weight, 4)))
            elif start >= body_from:
                start, end = start - body_from, end - body_from
                words.append(Word(text=body[start:end], place="body", start=start, end=end, weight=round(weight, 4)))
        return sorted(words, key=lambda word: -word.weight)[:_MOST]


def _is_word(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _runs(text: str, tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Tokens that stand side by side in the text, apart by at most a space, together."""
    run: list[Token] = []
    for token in tokens:
        if run and text[run[-1].end : token.start] not in ("", " "):
            yield run
            run = []
        run.append(token)
    if run:
        yield run
