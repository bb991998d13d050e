"""N-grams beside an encoder: single pieces and pairs of neighbours, hashed into one table of weights.

After Cheng et al., "Wide & Deep Learning for Recommender Systems" (DLRS 2016): the encoder generalises, the table
remembers which words go with which label. Pieces are hashed as by Weinberger et al., "Feature Hashing for Large Scale
Multitask Learning" (ICML 2009), so that no dictionary is kept. What each part says is weighed by the kind of text:

    sentiment = g · (a · encoder + c · table + b)      g = softmax of the table's guess at the kind of text

with a, c and b for each kind, fitted on rows that neither part learned from (`model/wide_fit.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from scipy.special import softmax  # type: ignore[import-untyped]

from model.engines import FloatArray
from model.errors import ArtefactError
from model.labels import SENTIMENTS

ANSWERS: Final = len(SENTIMENTS)
MIXED: Final = 2 + ANSWERS  # a and c, and b of each answer
_MIX_ONE, _MIX_TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
F = TypeVar("F", FloatArray, npt.NDArray[np.float64])
_ARRAYS: Final = ("table", "bias", "mixing")


@dataclass(frozen=True, slots=True)
class WidePart:
    """The fitted part.

    `table`: (buckets, 3 + kinds), the weights of an n-gram for each sentiment, then for each kind of text; buckets are
    a power of two. `bias`: (3 + kinds,). `mixing`: (kinds, 5), a, c and b. All float32.
    """

    table: FloatArray
    bias: FloatArray
    mixing: FloatArray

    def says(self, texts: Sequence[Sequence[int]]) -> tuple[FloatArray, FloatArray]:
        """What n-grams alone say: (texts, 3) logits, and the probabilities of kinds, (texts, kinds)."""
        found = np.asarray(ngrams(texts, len(self.table)) @ self.table + self.bias, dtype=np.float32)
        return found[:, :ANSWERS], np.asarray(softmax(found[:, ANSWERS:], axis=1), dtype=np.float32)

    def beside(self, sentiment: FloatArray, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Sentiment logits of encoder and n-grams together.

        Args:
            sentiment: (texts, 3) logits of the encoder.
            texts: the token ids of each text that the encoder read, without padding.
        """
        wide, kinds = self.says(texts)
        return mix(self.mixing, sentiment, wide, kinds)

    def save(self, path: Path) -> None:
        """Write the part, its table in half precision; by way of a temporary file."""
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("wb") as stream:
            np.savez_compressed(stream, table=self.table.astype(np.float16), bias=self.bias, mixing=self.mixing)
        temporary.replace(path)


def load_wide(path: Path) -> WidePart:
    """Read what `WidePart.save` wrote, unpickling nothing.

    Raises:
        ArtefactError: the file is absent, or is no such part.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            part = WidePart(*(np.asarray(held[name], dtype=np.float32) for name in _ARRAYS))
    except Exception as error:  # numpy and zipfile raise whatever a damaged file provokes
        raise ArtefactError(f"{path} is not a readable table of n-grams: {error}") from error
    buckets, width = part.table.shape if part.table.ndim == 2 else (0, 0)
    kinds = width - ANSWERS
    if buckets & (buckets - 1) or buckets < 2 or kinds < 1:
        raise ArtefactError(f"{path} holds a table of shape {part.table.shape}, which cannot be: fit it again.")
    if part.bias.shape != (width,) or part.mixing.shape != (kinds, MIXED):
        raise ArtefactError(f"{path} holds arrays that do not belong together: fit it again.")
    return part


def mix(mixing: F, encoder: F, wide: F, kinds: F) -> F:
    """The formula above: (texts, 3), from (kinds, 5), (texts, 3), (texts, 3) and (texts, kinds)."""
    weights = kinds @ mixing
    return np.asarray(weights[:, :1] * encoder + weights[:, 1:2] * wide + weights[:, 2:], dtype=encoder.dtype)


def ngrams(texts: Sequence[Sequence[int]], buckets: int) -> Any:
    """Hash pieces and pairs of neighbours: a sparse (texts, buckets) float32, 1 / √n for each of a text's n n-grams.

    Args:
        texts: token ids, none empty.
        buckets: a power of two.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    ids = np.fromiter(chain.from_iterable(texts), dtype=np.uint64, count=int(lengths.sum())) + np.uint64(1)
    both = np.zeros((len(ids), 2), dtype=np.uint64)
    both[:, 0] = ids
    both[:-1, 1] = (ids[:-1] << np.uint64(32)) | ids[1:]
    real = np.ones(both.shape, dtype=np.bool_)
    real[ends - 1, 1] = False  # the last piece of a text has no neighbour
    columns = (_mixed(both[real]) & np.uint64(buckets - 1)).astype(np.int32)
    counts = 2 * lengths - 1
    values = np.repeat((1 / np.sqrt(counts)).astype(np.float32), counts)
    return csr_array((values, columns, np.concatenate([[0], np.cumsum(counts)])), shape=(len(texts), buckets))


def _mixed(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): close keys become far ones."""
    keys = (keys ^ (keys >> np.uint64(30))) * _MIX_ONE
    keys = (keys ^ (keys >> np.uint64(27))) * _MIX_TWO
    return np.asarray(keys ^ (keys >> np.uint64(31)))
