"""The scorer role with a classifier that costs nothing, for runs whose subject is not the model: `quick_scorer.py`."""

from __future__ import annotations

from typing import Any

from keyword_classifier import KeywordClassifier

from deploy.role_process import run_role
from deploy.settings import load_settings
from model.classifier import Classifier

_BAD = ("fall", "plunge", "slump", "crash", "lawsuit", "sue", "probe", "layoff", "bankrupt", "crisis", "collapse")
_BAD += ("fraud", "default", "loss", "warn", "fear", "cut", "fine", "resign", "fired", "turmoil", "fail", "stolen")


class QuickClassifier(KeywordClassifier):
    """Bad where a word of bad news begins a word of the text; by the text alone, so the same for everybody."""

    version = "quick-1"
    token_budget = 512

    def _tokens(self, text: str) -> Any:
        words = text.lower().split()[:64]
        return super()._tokens(" ".join("collapse" if word.startswith(_BAD) else word for word in words))


def load(*_: Any, **__: Any) -> QuickClassifier:
    """Stands for `Classifier.load`."""
    return QuickClassifier()


if __name__ == "__main__":
    Classifier.load = load  # type: ignore[method-assign]
    run_role("scorer", load_settings())
