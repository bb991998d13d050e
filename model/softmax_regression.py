"""Logistic regression where several answers may be right, and where not all of them were asked about.

The loss of a row is -log of the probability of what is allowed among what is considered: two-class posts, three-class
news and "negative or not" are learned side by side, as `model/losses.py` does for the encoder.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from scipy.special import expit, logsumexp  # type: ignore[import-untyped]

from model.measures import Flags, Floats

STEPS: Final = 150  # of L-BFGS; the loss on dev parts no longer moves by then


def partial_loss(logits: Floats, allowed: Flags, considered: Flags) -> tuple[Floats, Floats]:
    """The loss of each row, (rows,), and its slope by logits, (rows, answers); all arguments are (rows, answers)."""
    among, right = logsumexp(logits, axis=1, b=considered), logsumexp(logits, axis=1, b=allowed)
    slope = np.exp(np.where(considered, logits - among[:, None], -np.inf))
    slope -= np.exp(np.where(allowed, logits - right[:, None], -np.inf))
    return among - right, slope


def topic_loss(logits: Floats, truths: Flags) -> tuple[Floats, Floats]:
    """The loss of each row, (rows,), and its slope by logits, (rows, topics), where one of the topics is true.

    It is that of the true one among all, and of each by itself, as `model/losses.py` has it.
    """
    among, slope = partial_loss(logits, truths, np.ones_like(truths))
    each = (np.logaddexp(0, logits) - truths * logits).sum(axis=1)
    return among + each, slope + expit(logits) - truths


@dataclass(frozen=True, slots=True)
class Alike:
    """What a regression is to answer alike: the mean square of what logits of two rows differ by is part of the loss.

    That is the counterfactual logit pairing of Garg et al., "Counterfactual Fairness in Text Classification through
    Robustness" (AIES 2019).

    `differences`: sparse (pairs, features), one row less the other. `strength`: 1 counts them as much as the rows.
    """

    differences: Any
    strength: float


def fit_softmax(
    features: Any, allowed: Flags, considered: Flags, weights: Floats, strength: float, alike: Alike | None = None
) -> tuple[Floats, Floats]:
    """Fit by L-BFGS: (features, answers) weights and (answers,) biases.

    Args:
        features: a sparse matrix (rows, features).
        allowed: (rows, answers) what is right.
        considered: (rows, answers) what was asked about, all that is allowed among it.
        weights: (rows,) of rows in the loss.
        strength: C of scikit-learn: the smaller, the nearer all weights are to 0.
        alike: see there.
    """
    width = allowed.shape[1]
    return _fit(features, lambda logits: partial_loss(logits, allowed, considered), weights, strength, width, alike)


def fit_topics(features: Any, truths: Flags, strength: float) -> tuple[Floats, Floats]:
    """Fit topics likewise, of which (rows, topics) `truths` have one in each row."""
    return _fit(features, lambda logits: topic_loss(logits, truths), np.ones(len(truths)), strength, truths.shape[1])


def _fit(
    features: Any,
    loss_of: Callable[[Floats], tuple[Floats, Floats]],
    weights: Floats,
    strength: float,
    width: int,
    alike: Alike | None = None,
) -> tuple[Floats, Floats]:
    size = features.shape[1]
    transposed = features.T.tocsr()
    differences = csr_array((1, size)) if alike is None else alike.differences
    opposed = differences.T.tocsr()
    pull = 0.0 if alike is None else alike.strength * float(weights.sum()) / differences.shape[0]

    def loss(flat: Floats) -> tuple[float, Floats]:
        table, bias = flat[: size * width].reshape(size, width), flat[size * width :]
        losses, slope = loss_of(features @ table + bias)
        slope *= weights[:, None]
        apart = differences @ table
        apart -= apart.mean(axis=1, keepdims=True)  # what all answers gain alike changes no probability
        value = float(weights @ losses) + float((table * table).sum()) / (2 * strength) + pull * (apart**2).sum() / 2
        pushed = transposed @ slope + table / strength + pull * (opposed @ apart)
        return value, np.concatenate([pushed.ravel(), slope.sum(axis=0)])

    found = minimize(loss, np.zeros((size + 1) * width), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return found.x[: size * width].reshape(size, width), found.x[size * width :]
