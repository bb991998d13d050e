"""What is fitted on the dev parts after training: one temperature, and one threshold a topic."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit  # type: ignore[import-untyped]

from model.datasets import Example
from model.evaluation import Floats, class_report
from model.labels import TOPIC_IDS

TEMPERATURES: Final = np.exp(np.linspace(np.log(0.4), np.log(4.0), 93))
LIMITS: Final = np.round(np.linspace(0.05, 0.95, 37), 3)
SCARCE: Final = 0.5  # the threshold of a topic with too few dev rows to fit one
FEWEST: Final = 8
NEVER: Final = 2.0  # the threshold of a topic that nothing was learned about


def fit_temperature(logits: Floats, chosen: Sequence[Example]) -> float:
    """Find the number that sentiment logits are divided by: the lowest mean loss over the sets, each counting alike.

    Args:
        logits: (examples, 3) raw.
        chosen: the examples; those that nobody asked about sentiment are left out.
    """
    asked: Mapping[str, list[int]] = {
        source: [i for i, one in enumerate(chosen) if one.source == source and one.allowed]
        for source in {one.source for one in chosen}
    }
    if not any(asked.values()):
        return 1.0
    losses = [
        np.mean([_loss(logits[places] / t, [chosen[i] for i in places]) for places in asked.values() if places])
        for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _loss(logits: Floats, chosen: Sequence[Example]) -> float:
    considered = _flags([one.considered for one in chosen], logits.shape[1])
    allowed = _flags([one.allowed for one in chosen], logits.shape[1])
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    among = (exponents * considered).sum(axis=1)
    right = (exponents * allowed).sum(axis=1)
    return float(np.mean(np.log(among) - np.log(np.maximum(right, 1e-30))))


def _flags(rows: Sequence[tuple[int, ...]], width: int) -> npt.NDArray[np.bool_]:
    flags = np.zeros((len(rows), width), dtype=np.bool_)
    for row, places in enumerate(rows):
        flags[row, list(places)] = True
    return flags


def fit_thresholds(logits: Floats, chosen: Sequence[Example]) -> tuple[float, ...]:
    """Find for each topic the probability above which it is reported: the best F1 on the rows that were asked about it.

    Args:
        logits: (examples, topics) raw.
        chosen: the examples.
    """
    chances = expit(logits)
    truths = np.stack([one.topics for one in chosen]) > 0
    asked = np.stack([one.mask for one in chosen]) > 0
    return tuple(
        _threshold(chances[asked[:, place], place], truths[asked[:, place], place]) for place in range(len(TOPIC_IDS))
    )


def _threshold(chances: Floats, truth: npt.NDArray[np.bool_]) -> float:
    if not truth.any():
        return NEVER
    if truth.sum() < FEWEST:
        return SCARCE
    scores = np.array([class_report(truth, chances >= limit).f1 for limit in LIMITS])
    # Many limits do nearly as well on few rows; the middle of them moves least on other rows.
    good = np.flatnonzero(scores >= scores.max() - 0.005)
    return float(LIMITS[good[len(good) // 2]])
