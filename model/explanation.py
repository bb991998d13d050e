"""Which words drove a prediction: how far its probability falls without them (occlusion).

After Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), with words in place of image
patches. It asks nothing of the model but probabilities, so it explains the int8 model that runs in service.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]

from model.classifier import Classifier
from model.errors import ConfigError
from model.evaluation import Floats, all_logits
from model.labels import SENTIMENTS, TOPIC_INDEX
from model.words import Unit, units_of, windows, without

BUDGET: Final = 64

Scale = Literal["probability", "log-odds"]

_SURE: Final = 1e-7  # a probability is never nearer to 0 or 1


class Token(msgspec.Struct, frozen=True):
    """One word or Chinese character: `text` is `original[start:end]`; a positive attribution speaks for the target."""

    start: int
    end: int
    text: str
    attribution: float


class Explanation(msgspec.Struct, frozen=True):
    """Why a text got its probability of `target`, a sentiment or a topic id.

    `tokens` are in the order of the text and cover the part of it that the model read. By occlusion, an attribution is
    the mean fall of `probability` when something that contains the token is taken out. By integrated gradients,
    attributions sum to `probability - baseline`, the latter being the probability of a text without words, and all of
    it is about the encoder without the n-grams beside it. `texts` is
    how many texts the model was asked about. `toward` is the entity that the target is about, None for the whole text;
    tokens are those of the text alone. On the scale of log-odds attributions are the fall of those: a probability near
    1 hardly falls, whatever single word is taken out.
    """

    target: str
    method: Literal["occlusion", "integrated gradients"]
    model_version: str
    probability: float
    tokens: tuple[Token, ...]
    texts: int
    baseline: float | None = None
    toward: str | None = None
    scale: Scale = "probability"

    def top(self, count: int) -> list[Token]:
        """The tokens that speak most for the target, most first."""
        return sorted(self.tokens, key=lambda token: -token.attribution)[:count]


def explain(
    classifier: Classifier,
    text: str,
    target: str = "negative",
    *,
    toward: str | None = None,
    budget: int = BUDGET,
    scale: Scale = "probability",
) -> Explanation:
    """Explain one text by taking out word after word.

    Everything is asked in one call of the model, which packs it into few forward passes.

    Args:
        classifier: with any engine.
        text: any string; what the model does not read of it gets no tokens.
        target: a sentiment or a topic id.
        toward: the name of the entity that the target is to be about, None for the whole text.
        budget: the most texts to ask about, the whole one included, each no longer than the text. A longer text is
            taken out in larger stretches.
        scale: what attributions are the fall of.

    Raises:
        ConfigError: there is no such target, or the budget is below 2.
    """
    check_target(target)
    if budget < 2:
        raise ConfigError(f"a budget of {budget} texts leaves none to compare with: give 2 or more")
    units = _read_units(classifier, text, toward)
    spans = windows(units, budget - 1)
    read = text[: units[-1].end] if units else text
    asked = [read, *(without(read, [units[place] for place in span]) for span in spans)]
    chances = probabilities(classifier, asked, target, toward=[toward] * len(asked))
    told = chances if scale == "probability" else logit(np.clip(chances, _SURE, 1 - _SURE))
    tokens = tokens_of(text, units, _shared(told[0] - told[1:], spans, len(units)))
    chance = float(chances[0])
    return Explanation(
        target, "occlusion", classifier.version, chance, tokens, texts=len(asked), toward=toward, scale=scale
    )


def probabilities(
    classifier: Classifier, texts: Sequence[str], target: str, *, toward: Sequence[str | None] | None = None
) -> Floats:
    """The calibrated probability of a sentiment or a topic: (texts,).

    Args:
        classifier: with any engine.
        texts: any strings.
        target: a sentiment or a topic id.
        toward: as for `Classifier.predict`.
    """
    if target in SENTIMENTS:
        return np.array([float(getattr(one, target)) for one in classifier.predict(texts, toward=toward)])
    _, topics = all_logits(classifier, texts, toward=toward)
    return np.asarray(expit(topics[:, TOPIC_INDEX[target]]))


def check_target(target: str) -> None:
    """Make sure that a target exists.

    Raises:
        ConfigError: it does not; the message lists those that do.
    """
    if target not in SENTIMENTS and target not in TOPIC_INDEX:
        raise ConfigError(f"there is no target {target!r}; there are {', '.join((*SENTIMENTS, *TOPIC_INDEX))}")


def tokens_of(text: str, units: Sequence[Unit], attributions: Floats) -> tuple[Token, ...]:
    """Units with their attributions, (units,)."""
    return tuple(
        Token(unit.start, unit.end, text[unit.start : unit.end], float(value))
        for unit, value in zip(units, attributions, strict=True)
    )


def _read_units(classifier: Classifier, text: str, toward: str | None) -> list[Unit]:
    """The units that the model reads: up to the first after which more text makes no difference to its tokens."""
    units = units_of(text)
    whole = classifier.encode([text], toward=[toward])[0]

    def is_all(count: int) -> bool:
        return classifier.encode([text[: units[count - 1].end] if count else ""], toward=[toward])[0] == whole

    return units[: bisect_left(range(len(units)), True, key=is_all)]


def _shared(falls: Floats, spans: Sequence[range], count: int) -> Floats:
    """The mean fall over the spans that contain each unit, (units,)."""
    sums, times = np.zeros(count), np.zeros(count)
    for fall, span in zip(falls, spans, strict=True):
        sums[span.start : span.stop] += fall
        times[span.start : span.stop] += 1
    return sums / np.maximum(times, 1)
