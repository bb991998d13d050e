"""How much an encoder and the n-grams beside it count, for each kind of text: stacking on rows that neither has seen.

All kinds are drawn towards what is common to them; cross-validation says how strongly. The last kind, texts like those
of no set, has no rows to learn from and is left to the encoder.
"""

import logging
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

from model.engines import FloatArray
from model.measures import Flags, Floats
from model.softmax_regression import partial_loss
from model.splits import group
from model.wide import MIXED, mix
from model.wide_rows import WideRows

FOLDS: Final = 5
PULLS: Final = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # L2 penalties on what a kind has of its own
ENCODER_ALONE: Final = (1.0, 0.0, 0.0, 0.0, 0.0)
SLIGHT: Final = 1e-3  # the same on what is common, for data too few to tell
log = logging.getLogger(__name__)


def fit_mixing(encoder: Floats, wide: Floats, kinds: Floats, rows: WideRows) -> FloatArray:
    """Fit a, c and b of each kind but the last: (kinds, 5).

    Args:
        encoder: (texts, 3) logits.
        wide: (texts, 3) logits.
        kinds: (texts, kinds) probabilities.
        rows: the texts, from which nothing of the above was learned.
    """
    weights = rows.weights

    def fitted(chosen: Flags, pull: float) -> Floats:
        parts = encoder[chosen], wide[chosen], kinds[chosen]
        return _fitted(*parts, rows.allowed[chosen], rows.considered[chosen], weights[chosen], pull)

    folds = _folds(rows.texts)
    tried = {}
    for pull in PULLS:
        losses = np.empty(len(weights))
        for fold in range(FOLDS):
            asked = folds == fold
            logits = mix(fitted(~asked, pull), encoder[asked], wide[asked], kinds[asked])
            losses[asked] = weights[asked] * partial_loss(logits, rows.allowed[asked], rows.considered[asked])[0]
        tried[pull] = losses
    chosen = _simplest(tried)
    log.info("kinds are pulled together by %g: %s", chosen, {k: round(float(v.mean()), 4) for k, v in tried.items()})
    return fitted(np.ones(len(weights), dtype=np.bool_), chosen).astype(np.float32)


def _fitted(
    encoder: Floats, wide: Floats, kinds: Floats, allowed: Flags, considered: Flags, weights: Floats, pull: float
) -> Floats:
    count = kinds.shape[1] - 1
    kinds, strange = kinds[:, :count], kinds[:, count:] * encoder
    start = np.zeros((1 + count, MIXED))
    start[0] = ENCODER_ALONE

    def loss(flat: Floats) -> tuple[float, Floats]:
        common, own = flat[:MIXED], flat[MIXED:].reshape(count, MIXED)
        losses, slope = partial_loss(mix(common + own, encoder, wide, kinds) + strange, allowed, considered)
        slope *= weights[:, None]
        by_text = np.column_stack([(slope * encoder).sum(axis=1), (slope * wide).sum(axis=1), slope])
        by_kind = kinds.T @ by_text
        value = float(weights @ losses) + pull * float((own * own).sum()) / 2 + SLIGHT * float(common @ common) / 2
        return value, np.concatenate([by_kind.sum(axis=0) + SLIGHT * common, (by_kind + pull * own).ravel()])

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.vstack([found.x[:MIXED] + found.x[MIXED:].reshape(count, MIXED), ENCODER_ALONE])


def _simplest(tried: dict[float, Floats]) -> float:
    """The strongest pull whose loss is within one standard error of the least (Breiman et al. 1984)."""
    best = min(tried.values(), key=lambda losses: float(losses.mean()))
    return max(
        pull for pull, losses in tried.items() if (losses - best).mean() <= (losses - best).std() / len(best) ** 0.5
    )


def _folds(texts: Sequence[str]) -> Flags:
    """The fold of each text, (texts,), the same for near duplicates."""
    groups = np.unique(group(texts), return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(int(groups.max()) + 1)
    return np.asarray(order[groups] % FOLDS)
