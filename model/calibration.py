"""What is fitted on the dev parts after training: two temperatures an encoder, and one threshold a topic."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import expit, logsumexp  # type: ignore[import-untyped]

from model.datasets import Example
from model.evaluation import Floats, class_report
from model.labels import TOPIC_IDS
from model.measures import Flags

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
    places = [place for place, one in enumerate(chosen) if one.allowed]
    considered = _flags([chosen[place].considered for place in places], logits.shape[1])
    allowed = _flags([chosen[place].allowed for place in places], logits.shape[1])
    return _temperature(logits[places], considered, allowed, [chosen[place].source for place in places])


def fit_topic_temperature(logits: Floats, chosen: Sequence[Example]) -> float:
    """Find the number that topic logits are divided by, on the sets with exactly one topic a text, as above.

    Args:
        logits: (examples, topics) raw.
        chosen: the examples.
    """
    places = [place for place, one in enumerate(chosen) if one.exclusive]
    considered = _stacked([chosen[place].mask >= 1 for place in places], logits.shape[1])
    allowed = _stacked([chosen[place].topics > 0 for place in places], logits.shape[1])
    return _temperature(logits[places], considered, allowed, [chosen[place].source for place in places])


def _temperature(logits: Floats, considered: Flags, allowed: Flags, sources: Sequence[str]) -> float:
    """The grid's best divisor of (examples, answers) logits; 1 where there are none."""
    sets = [np.flatnonzero(np.array(sources) == name) for name in dict.fromkeys(sources)]
    losses = [
        np.mean([_loss(logits[places] / t, considered[places], allowed[places]) for places in sets] or [0.0])
        for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))]) if sets else 1.0


def _loss(logits: Floats, considered: Flags, allowed: Flags) -> float:
    among = logsumexp(logits, axis=1, b=considered)
    return float(np.mean(among - logsumexp(logits, axis=1, b=allowed)))


def _flags(rows: Sequence[tuple[int, ...]], width: int) -> Flags:
    return _stacked([np.isin(np.arange(width), row) for row in rows], width)


def _stacked(rows: Sequence[Flags], width: int) -> Flags:
    return np.stack(rows) if rows else np.zeros((0, width), dtype=np.bool_)


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


def _threshold(chances: Floats, truth: Flags) -> float:
    if not truth.any():
        return NEVER
    if truth.sum() < FEWEST:
        return SCARCE
    scores = np.array([class_report(truth, chances >= limit).f1 for limit in LIMITS])
    # Many limits do nearly as well on few rows; the middle of them moves least on other rows.
    good = np.flatnonzero(scores >= scores.max() - 0.005)
    return float(LIMITS[good[len(good) // 2]])
