"""What several models say made one answer: the mean of their probabilities, and a regression over their logarithms.

Stacking: Wolpert, Stacked generalization, Neural Networks 5 (1992). A multinomial logistic regression over log
probabilities multiplies them, each member with weights of its own for each label, and so can trust a member on one
label and not on another. It learns from rows that no member learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax  # type: ignore[import-untyped]

from model.errors import DataError, EngineError
from model.measures import Floats

FLOOR: Final = 1e-4  # a probability below counts as this: a member that is quite sure and wrong has no veto
FOLDS: Final = 5
STRENGTHS: Final = (0.001, 0.01, 0.1, 1.0, 10.0)  # C of scikit-learn: the smaller, the nearer all weights are to 0
Labels = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted multinomial logistic regression.

    `coefficients` is (labels, features), `intercepts` (labels,); minus infinity for a label that it never saw, and so
    never answers.
    """

    coefficients: Floats
    intercepts: Floats

    def chances(self, features: Any) -> Floats:
        """The probability of each label, (rows, labels), for a dense or sparse matrix (rows, features)."""
        return np.asarray(softmax(features @ self.coefficients.T + self.intercepts, axis=1))


def linear_of(regression: Any, names: Sequence[Any]) -> Linear:
    """Take what a `LogisticRegression` of scikit-learn has learned, its labels in the order of `names`.

    Args:
        regression: fitted on two labels or more.
        names: all labels there are; what it learned of others is left out.
    """
    weights, intercepts = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # of two labels scikit-learn keeps the weights of the second alone
        weights, intercepts = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, *intercepts])
    coefficients, ours = np.zeros((len(names), weights.shape[1])), np.full(len(names), -np.inf)
    for place, name in enumerate(regression.classes_):
        if name in names:
            coefficients[names.index(name)], ours[names.index(name)] = weights[place], intercepts[place]
    return Linear(coefficients, ours)


def features_of(members: Sequence[Floats]) -> Floats:
    """What a stack reads: the log probabilities of all members, (rows, labels) each, side by side."""
    return np.log(np.maximum(np.concatenate(members, axis=1), FLOOR))


def fit_stack(members: Sequence[Floats], labels: Labels, groups: Sequence[int]) -> tuple[Linear, float]:
    """Fit a stack, its strength being that with the least log loss in cross-validation.

    Args:
        members: what each says of rows that none has learned from, (rows, labels) probabilities.
        labels: (rows,) the place of the true label.
        groups: for each row the number of its group, which no fold cuts: near duplicates, and the rows of one text.

    Returns:
        The stack, which reads `features_of`, and its strength.

    Raises:
        DataError: there are too few rows, or too few of a second label.
        EngineError: scikit-learn is not installed.
    """
    try:
        from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]
    except ImportError as error:
        raise EngineError("stacking needs scikit-learn: pip install 'yuqing[train]'") from error
    if len(set(groups)) < FOLDS:
        raise DataError(
            f"{len(labels)} dev rows, {len(set(groups))} near duplicates apart, are too few to fit a stack on: {FOLDS} "
            "must differ"
        )
    features = features_of(members)
    folds = list(GroupKFold(FOLDS, shuffle=True, random_state=0).split(features, groups=groups))
    if any(len(np.unique(labels[learned])) < 2 for learned, _ in folds):
        raise DataError(f"hardly any of {len(labels)} dev rows has another label than the others: no stack can be fit")
    names = range(members[0].shape[1])

    def loss(strength: float) -> float:
        chances = np.empty_like(members[0])
        for learned, asked in folds:
            chances[asked] = _fitted(features[learned], labels[learned], strength, names).chances(features[asked])
        right = chances[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(right, FLOOR)).mean())

    strength = min(STRENGTHS, key=loss)
    return _fitted(features, labels, strength, names), strength


def _fitted(features: Floats, labels: Labels, strength: float, names: Sequence[int]) -> Linear:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    return linear_of(LogisticRegression(C=strength, max_iter=2000).fit(features, labels), names)
