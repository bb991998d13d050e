"""Multinomial logistic regression where several answers may be right, and where not all of them were asked about.

The loss of a row is -log of the probability of what is allowed among what is considered: two-class posts, three-class
news and "negative or not" are learned side by side, as `model/losses.py` does for the encoder.
"""

from typing import Any, Final

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import logsumexp  # type: ignore[import-untyped]

from model.measures import Flags, Floats

STEPS: Final = 150  # of L-BFGS; the loss on dev parts no longer moves by then


def partial_loss(logits: Floats, allowed: Flags, considered: Flags) -> tuple[Floats, Floats]:
    """The loss of each row, (rows,), and its slope by logits, (rows, answers); all arguments are (rows, answers)."""
    among, right = logsumexp(logits, axis=1, b=considered), logsumexp(logits, axis=1, b=allowed)
    slope = np.exp(np.where(considered, logits - among[:, None], -np.inf))
    slope -= np.exp(np.where(allowed, logits - right[:, None], -np.inf))
    return among - right, slope


def fit_softmax(
    features: Any, allowed: Flags, considered: Flags, weights: Floats, strength: float
) -> tuple[Floats, Floats]:
    """Fit by L-BFGS: (features, answers) weights and (answers,) biases.

    Args:
        features: a sparse matrix (rows, features).
        allowed: (rows, answers) what is right.
        considered: (rows, answers) what was asked about, all that is allowed among it.
        weights: (rows,) of rows in the loss.
        strength: C of scikit-learn: the smaller, the nearer all weights are to 0.
    """
    size, width = features.shape[1], allowed.shape[1]
    transposed = features.T.tocsr()

    def loss(flat: Floats) -> tuple[float, Floats]:
        table, bias = flat[: size * width].reshape(size, width), flat[size * width :]
        losses, slope = partial_loss(features @ table + bias, allowed, considered)
        slope *= weights[:, None]
        value = float(weights @ losses) + float((table * table).sum()) / (2 * strength)
        return value, np.concatenate([(transposed @ slope + table / strength).ravel(), slope.sum(axis=0)])

    found = minimize(loss, np.zeros((size + 1) * width), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return found.x[: size * width].reshape(size, width), found.x[size * width :]
