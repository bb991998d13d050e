"""How the n-grams beside an encoder are fitted: their table on train parts, their place beside it on dev parts.

The encoder is surer of its train rows than of any others. So the table is fitted without it, and how much each of them
counts is learned from rows that neither has seen.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from scipy.sparse import vstack  # type: ignore[import-untyped]

from model.measures import Floats
from model.softmax_regression import fit_softmax
from model.techniques import WideConfig
from model.wide import ANSWERS, MIXED, WidePart, ngrams
from model.wide_mixing import fit_mixing
from model.wide_rows import WideRows

LEAST_OF_KIND: Final = 0.02  # the share of all train rows that a set must have to be a kind of text
log = logging.getLogger(__name__)


def fit_wide(
    train: WideRows, dev: WideRows, encoder: Floats, strangers: Sequence[Sequence[int]], config: WideConfig
) -> WidePart:
    """Fit everything; the outcome depends on the arguments alone.

    Args:
        train: rows that the encoder may have learned from, at least one.
        dev: rows that it has not, at least one.
        encoder: (dev texts, 3) logits of the encoder alone.
        strangers: the token ids of texts that are like those of no set, at least one; the last kind, which is left to
            the encoder.
        config: how large and how strong.
    """
    buckets = 1 << config.bits
    counts = ngrams(train.ids, buckets)
    rarity = _rarity(counts, config.at_least)
    used = np.flatnonzero(rarity)
    # Rows of length 1 on average, so that the strength means the same whatever the rarities are.
    scale = np.sqrt((counts[:, used] * rarity[used]).power(2).sum() / len(train)) or 1.0
    factor = rarity[used] / scale
    features = (counts[:, used].astype(np.float64) * factor).tocsr()
    # Between rows counting alike and sets counting alike: small sets have few n-grams, but are asked about as well.
    said, bias = fit_softmax(features, train.allowed, train.considered, np.sqrt(train.weights), config.strength)
    strange = (ngrams(strangers, buckets)[:, used].astype(np.float64) * factor).tocsr()
    guess, guess_bias = _fit_kinds(features, train.sources, strange, config.strength)
    table = np.zeros((buckets, ANSWERS + guess.shape[1]), dtype=np.float16)  # as it will be stored
    table[used] = np.hstack([said, guess]) * factor[:, None]
    log.info("%d n-grams of %d train rows, %d kinds of text, the last of no set", len(used), len(train), guess.shape[1])
    biases = np.concatenate([bias, guess_bias]).astype(np.float32)
    alone = WidePart(table.astype(np.float32), biases, np.zeros((guess.shape[1], MIXED), dtype=np.float32))
    wide, kinds = alone.says(dev.ids)
    return WidePart(alone.table, biases, fit_mixing(encoder, wide.astype(float), kinds.astype(float), dev))


def _rarity(counts: Any, at_least: int) -> Floats:
    """Smoothed inverse document frequency of each bucket, as scikit-learn has it; 0 where too few texts have it."""
    seen = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.where(seen < at_least, 0.0, np.log((1 + counts.shape[0]) / (1 + seen)) + 1)


def _fit_kinds(features: Any, sources: Sequence[str], strange: Any, strength: float) -> tuple[Floats, Floats]:
    """Fit the guess at the set that a text is from, the last being none: (features, kinds), (kinds,)."""
    of = np.array(sources)
    names = [name for name in dict.fromkeys(sources) if (of == name).mean() >= LEAST_OF_KIND]
    known = np.isin(of, names)
    kinds = np.concatenate([np.searchsorted(np.sort(names), of[known]), np.full(strange.shape[0], len(names))])
    of_kind = np.eye(len(names) + 1, dtype=np.bool_)[kinds]
    both = vstack([features[known], strange], format="csr")
    return fit_softmax(both, of_kind, np.ones_like(of_kind), np.ones(len(of_kind)), strength)
