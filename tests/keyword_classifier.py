"""A classifier for tests of the pipeline: quick, exact, and it fails on command. The real one has tests of its own."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from model.classifier import Prediction, Tokens

__all__ = ["POISON", "KeywordClassifier"]

POISON = "poisonous"
"""A text with this word makes `predict_tokens` raise, and with it the whole batch."""

_NEGATIVE = {"fraud", "collapse", "default", "暴雷"}
_POSITIVE = {"profit", "record"}


def _id(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=3).digest())


def _about(name: str, text: str) -> str:
    return text.lower().partition(name.lower())[2].partition(",")[0]


class KeywordClassifier:
    """Bad words make a text negative, good ones positive; otherwise it is neutral.

    Toward an entity, the words from its name to the next comma decide.
    """

    version = "keywords-1"
    engine_name = "keywords"

    def __init__(self, *, broken: bool = False, passes: int = 2) -> None:
        self.broken = broken
        self.passes = passes
        self.batches: list[int] = []

    def encode(self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None) -> list[Tokens]:
        asked = toward or [None] * len(texts)
        return [
            self._tokens(text if name is None else _about(name, text)) for text, name in zip(texts, asked, strict=True)
        ]

    def _tokens(self, text: str) -> Tokens:
        return Tokens([_id(word) for word in text.lower().split()[:64]] or [0])

    def predict(self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None) -> list[Prediction]:
        return self.predict_tokens(self.encode(texts, toward=toward))

    def predict_tokens(self, batch: Sequence[Tokens]) -> list[Prediction]:
        self.batches.append(len(batch))
        return [self._judge(set(tokens.ids)) for tokens in batch]

    def _judge(self, ids: set[int]) -> Prediction:
        if self.broken or _id(POISON) in ids:
            raise RuntimeError("the model chokes on this")
        bad = bool(ids & {_id(word) for word in _NEGATIVE})
        good = bool(ids & {_id(word) for word in _POSITIVE}) and not bad
        return Prediction(
            negative=0.9 if bad else 0.05,
            neutral=0.9 if not (bad or good) else 0.05,
            positive=0.9 if good else 0.05,
            topics=("credit",) if bad else (),
            topic_scores=(0.8,) if bad else (),
        )
