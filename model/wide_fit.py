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
from model.ngram_features import Features
from model.ngrams import ngrams
from model.softmax_regression import Alike, fit_softmax
from model.techniques import WideConfig
from model.wide import MIXED, WidePart
from model.wide_mixing import fit_mixing
from model.wide_rows import WideRows

LEAST_OF_KIND: Final = 0.02  # the share of all train rows that a set must have to be a kind of text
log = logging.getLogger(__name__)


def fit_wide(
    train: WideRows,
    dev: WideRows,
    encoder: Floats,
    strangers: Sequence[Sequence[int]],
    config: WideConfig,
    swapped: Sequence[Sequence[int]] = (),
) -> WidePart:
    """Fit everything; the outcome depends on the arguments alone.

    Args:
        train: rows that the encoder may have learned from, at least one.
        dev: rows that it has not, at least one.
        encoder: (dev texts, 3) logits of the encoder alone.
        strangers: the token ids of texts that are like those of no set, at least one; the last kind, which is left to
            the encoder.
        config: how large and how strong.
        swapped: the token ids of texts of which each two in turn differ in a name alone, and should be answered alike.
    """
    counts = ngrams(train.ids, 1 << config.bits, train.hidden)
    features = Features.of(counts, config.at_least)
    rows = features.rows(counts)
    # Between rows counting alike and sets counting alike: small sets have few n-grams, but are asked about as well.
    weights, alike = np.sqrt(train.weights), _alike(features, swapped, config.alike)
    said, bias = fit_softmax(rows, train.allowed, train.considered, weights, config.strength, alike)
    guess, guess_bias = _fit_kinds(rows, train.sources, features.of_texts(strangers), config.strength, alike)
    table = features.table(np.hstack([said, guess]))
    figures = len(features.used), len(train), guess.shape[1]
    log.info("%d n-grams of %d train rows, %d kinds of text, the last of no set", *figures)
    biases = np.concatenate([bias, guess_bias]).astype(np.float32)
    alone = WidePart(table, biases, np.zeros((guess.shape[1], MIXED), dtype=np.float32))
    wide, kinds = alone.says(dev.ids)
    return WidePart(alone.table, biases, fit_mixing(encoder, wide.astype(float), kinds.astype(float), dev))


def _alike(features: Features, swapped: Sequence[Sequence[int]], strength: float) -> Alike | None:
    if not swapped or not strength:
        return None
    rows = features.of_texts(swapped)
    return Alike(rows[::2] - rows[1::2], strength)


def _fit_kinds(
    features: Any, sources: Sequence[str], strange: Any, strength: float, alike: Alike | None
) -> tuple[Floats, Floats]:
    """Fit the guess at the set that a text is from, the last being none: (features, kinds), (kinds,)."""
    of = np.array(sources)
    names = [name for name in dict.fromkeys(sources) if (of == name).mean() >= LEAST_OF_KIND]
    known = np.isin(of, names)
    kinds = np.concatenate([np.searchsorted(np.sort(names), of[known]), np.full(strange.shape[0], len(names))])
    of_kind = np.eye(len(names) + 1, dtype=np.bool_)[kinds]
    both = vstack([features[known], strange], format="csr")
    return fit_softmax(both, of_kind, np.ones_like(of_kind), np.ones(len(of_kind)), strength, alike)
