"""How much an encoder and the n-grams beside it count, for each kind of text: stacking on rows that neither has seen.

All kinds are drawn towards what is common to them; cross-validation says how strongly. The last kind, texts like those
of no set, has no rows to learn from and is left to the encoder. What comes out is cooled, kind by kind, by what rows of
other folds say, and by one standard error more: few rows tell how sure one may be, and too sure is the worse mistake.
"""

import logging
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import minimize, minimize_scalar  # type: ignore[import-untyped]

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
MOST_COOLING: Final = 1.0  # the logarithm of the highest temperature, and of the lowest
_NEAR: Final = 1e-2
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

    folds = folds_of(rows.texts)
    tried: dict[float, Floats] = {}
    for pull in PULLS:
        tried[pull] = np.empty_like(encoder)
        for fold in range(FOLDS):
            asked = folds == fold
            tried[pull][asked] = mix(fitted(~asked, pull), encoder[asked], wide[asked], kinds[asked])
    losses = {k: weights * partial_loss(v, rows.allowed, rows.considered)[0] for k, v in tried.items()}
    chosen = simplest(losses)
    log.info("kinds are pulled together by %g: %s", chosen, {k: round(float(v.mean()), 4) for k, v in losses.items()})
    mixing = fitted(np.ones(len(weights), dtype=np.bool_), chosen)
    cooled = [careful_temperature(tried[chosen], rows.allowed, rows.considered, of) for of in kinds.T[:-1]]
    log.info("kinds are cooled by %s", np.round(cooled, 3).tolist())
    mixing[:-1] /= np.array(cooled)[:, None]
    return mixing.astype(np.float32)


def careful_temperature(logits: Floats, allowed: Flags, considered: Flags, weights: Floats) -> float:
    """The number to divide logits by that has the least loss, and one standard error of its logarithm more.

    Args:
        logits: (texts, 3), of what has not learned from these texts.
        allowed: (texts, 3), as in `WideRows`.
        considered: the same.
        weights: (texts,) of the texts in the loss, not all 0.
    """

    def slopes(cooling: float) -> Floats:
        """The derivative of each text's loss by the logarithm of the temperature."""
        cold = logits / np.exp(cooling)
        return np.asarray(-weights * (partial_loss(cold, allowed, considered)[1] * cold).sum(axis=1))

    def loss(cooling: float) -> float:
        return float(weights @ partial_loss(logits / np.exp(cooling), allowed, considered)[0])

    best = float(minimize_scalar(loss, bounds=(-MOST_COOLING, MOST_COOLING), method="bounded").x)
    bend = float((slopes(best + _NEAR) - slopes(best - _NEAR)).sum()) / (2 * _NEAR)
    error = float(np.linalg.norm(slopes(best))) / max(bend, 1e-9)  # the sandwich of White, Econometrica 1982
    return float(np.exp(min(best + error, MOST_COOLING)))


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


def simplest(tried: dict[float, Floats]) -> float:
    """The strongest pull whose loss is within one standard error of the least (Breiman et al. 1984)."""
    best = min(tried.values(), key=lambda losses: float(losses.mean()))
    return max(
        pull for pull, losses in tried.items() if (losses - best).mean() <= (losses - best).std() / len(best) ** 0.5
    )


def folds_of(texts: Sequence[str]) -> Flags:
    """The fold of each text, (texts,), the same for near duplicates."""
    groups = np.unique(group(texts), return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(int(groups.max()) + 1)
    return np.asarray(order[groups] % FOLDS)
