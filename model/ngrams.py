"""N-grams of token ids: single pieces and pairs of neighbours, hashed, so that no dictionary is kept.

Hashed as by Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (ICML 2009), with SplitMix64.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from model.measures import Flags

_MIX_ONE, _MIX_TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def ngrams(texts: Sequence[Sequence[int]], buckets: int, hidden: Sequence[Flags] | None = None) -> Any:
    """Hash pieces and pairs of neighbours: a sparse (texts, buckets) float32, 1 / √n for each of a text's n n-grams.

    Args:
        texts: token ids, none empty.
        buckets: a power of two.
        hidden: for each text, which of its pieces are left out, and every pair with them; n counts them nevertheless.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    ids = np.fromiter(chain.from_iterable(texts), dtype=np.uint64, count=int(lengths.sum())) + np.uint64(1)
    both = np.zeros((len(ids), 2), dtype=np.uint64)
    both[:, 0] = ids
    both[:-1, 1] = (ids[:-1] << np.uint64(32)) | ids[1:]
    real = np.ones(both.shape, dtype=np.bool_)
    real[ends - 1, 1] = False  # the last piece of a text has no neighbour
    counts = kept = 2 * lengths - 1
    if hidden is not None and len(texts):
        left_out = np.concatenate(hidden)
        real[left_out] = False
        real[:-1, 1] &= ~left_out[1:]
        kept = np.add.reduceat(real.sum(axis=1), ends - lengths)
    columns = (_mixed(both[real]) & np.uint64(buckets - 1)).astype(np.int32)
    values = np.repeat((1 / np.sqrt(counts)).astype(np.float32), kept)
    return csr_array((values, columns, np.concatenate([[0], np.cumsum(kept)])), shape=(len(texts), buckets))


def _mixed(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): close keys become far ones."""
    keys = (keys ^ (keys >> np.uint64(30))) * _MIX_ONE
    keys = (keys ^ (keys >> np.uint64(27))) * _MIX_TWO
    return np.asarray(keys ^ (keys >> np.uint64(31)))
