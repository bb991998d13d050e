"""Whether explanations tell the truth: taking out what they name must matter more than taking out anything else.

The measure is comprehensiveness (DeYoung et al., "ERASER: A Benchmark to Evaluate Rationalized NLP Models", ACL 2020),
beside the same for tokens drawn by chance from the same text.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.stats import wilcoxon  # type: ignore[import-untyped]

from model.classifier import Classifier
from model.errors import ConfigError
from model.explanation import Explanation, explain, probabilities
from model.words import Unit, units_of, without

DRAWS: Final = 10


class Explain(Protocol):
    """A way of explaining: classifier, text and target in, as `explain` takes them."""

    def __call__(self, classifier: Classifier, text: str, target: str, /, *, toward: str | None) -> Explanation:
        """Explain one text."""
        ...


class Faithfulness(msgspec.Struct, frozen=True):
    """Over `texts` texts, the mean fall of the target's probability without its top `k` tokens and without `k` random.

    `p_value` is Wilcoxon's signed-rank test, one-sided, of the two falls paired by text. Texts with no more than `k`
    tokens are left out.
    """

    texts: int
    k: int
    top: float
    random: float
    p_value: float


def faithfulness(
    classifier: Classifier,
    texts: Sequence[str],
    target: str = "negative",
    *,
    toward: Sequence[str | None] | None = None,
    k: int = 3,
    rng: np.random.Generator,
    explained: Explain = explain,
) -> Faithfulness:
    """Measure a way of explaining on texts; asks about `DRAWS` + 2 texts for each, and what the explanations ask.

    Args:
        classifier: with any engine.
        texts: any strings.
        target: a sentiment or a topic id.
        toward: for each text the entity that the target is to be about, None for the whole text.
        k: how many tokens are taken out.
        rng: draws the tokens that are compared with.
        explained: the way.

    Raises:
        ConfigError: no text has more than `k` tokens.
    """
    asked: list[str] = []
    about: list[str | None] = []
    for text, entity in zip(texts, toward or [None] * len(texts), strict=True):
        explanation = explained(classifier, text, target, toward=entity)
        count = len(explanation.tokens)
        if count <= k:
            continue
        units = units_of(text)[:count]
        drawn = [rng.permutation(count)[:k] for _ in range(DRAWS)]
        best = np.argsort([-token.attribution for token in explanation.tokens], kind="stable")[:k]
        asked += [text, *(_less(text, units, places) for places in (best, *drawn))]
        about += [entity] * (DRAWS + 2)
    if not asked:
        raise ConfigError(f"none of the {len(texts)} texts has more than {k} tokens to take out")
    chances = probabilities(classifier, asked, target, toward=about).reshape(-1, DRAWS + 2)
    top, random = chances[:, 0] - chances[:, 1], chances[:, 0] - chances[:, 2:].mean(axis=1)
    p_value = float(wilcoxon(top, random, alternative="greater").pvalue) if (top != random).any() else 1.0
    return Faithfulness(len(chances), k, float(top.mean()), float(random.mean()), p_value)


def _less(text: str, units: Sequence[Unit], places: npt.NDArray[np.intp]) -> str:
    return without(text, [units[place] for place in places])
