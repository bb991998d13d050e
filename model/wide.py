"""N-grams beside an encoder: single pieces and pairs of neighbours, hashed into one table of weights.

After Cheng et al., "Wide & Deep Learning for Recommender Systems" (DLRS 2016): the encoder generalises, the table
remembers which words go with which label. Pieces are hashed as by Weinberger et al., "Feature Hashing for Large Scale
Multitask Learning" (ICML 2009), so that no dictionary is kept. What each part says is weighed by the kind of text:

    sentiment = g · (a · encoder + c · table + b)      g = softmax of the table's guess at the kind of text

with a, c and b for each kind, fitted on rows that neither part learned from (`model/wide_fit.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import softmax  # type: ignore[import-untyped]

from model.engines import FloatArray
from model.errors import ArtefactError
from model.labels import SENTIMENTS
from model.ngrams import ngrams
from model.wide_topics import WideTopics

ANSWERS: Final = len(SENTIMENTS)
MIXED: Final = 2 + ANSWERS  # a and c, and b of each answer
F = TypeVar("F", FloatArray, npt.NDArray[np.float64])
_ARRAYS: Final = ("table", "bias", "mixing")
_TOPIC_ARRAYS: Final = ("table", "bias", "mixing", "places", "sets")
_TOPICS: Final = "topic_"  # before their names


@dataclass(frozen=True, slots=True)
class WidePart:
    """The fitted part.

    `table`: (buckets, 3 + kinds), the weights of an n-gram for each sentiment, then for each kind of text; buckets are
    a power of two. `bias`: (3 + kinds,). `mixing`: (kinds, 5), a, c and b. All float32. `topics`: the same for topics,
    where there is one.
    """

    table: FloatArray
    bias: FloatArray
    mixing: FloatArray
    topics: WideTopics | None = None

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
        """Write the part, its tables in half precision; by way of a temporary file."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.topics is not None:
            arrays |= {_TOPICS + name: getattr(self.topics, name) for name in _TOPIC_ARRAYS}
        halved = {name: one.astype(np.float16) if name.endswith("table") else one for name, one in arrays.items()}
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("wb") as stream:
            np.savez_compressed(stream, **halved)
        temporary.replace(path)


def load_wide(path: Path) -> WidePart:
    """Read what `WidePart.save` wrote, unpickling nothing.

    Raises:
        ArtefactError: the file is absent, or is no such part.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            table, bias, mixing = (np.asarray(held[name], dtype=np.float32) for name in _ARRAYS)
            part = WidePart(table, bias, mixing, _topics(held))
    except Exception as error:  # numpy and zipfile raise whatever a damaged file provokes
        raise ArtefactError(f"{path} is not a readable table of n-grams: {error}") from error
    buckets, width = part.table.shape if part.table.ndim == 2 else (0, 0)
    kinds = width - ANSWERS
    if buckets & (buckets - 1) or buckets < 2 or kinds < 1:
        raise ArtefactError(f"{path} holds a table of shape {part.table.shape}, which cannot be: fit it again.")
    if part.bias.shape != (width,) or part.mixing.shape != (kinds, MIXED):
        raise ArtefactError(f"{path} holds arrays that do not belong together: fit it again.")
    return part


def _topics(held: Mapping[str, npt.NDArray[np.generic]]) -> WideTopics | None:
    if _TOPICS + _TOPIC_ARRAYS[0] not in held:
        return None
    table, bias, mixing, places, sets = (held[_TOPICS + name] for name in _TOPIC_ARRAYS)
    table, bias, mixing = (one.astype(np.float32) for one in (table, bias, mixing))
    return WideTopics(table, bias, mixing, places.astype(np.int64), sets.astype(np.int64))


def mix(mixing: F, encoder: F, wide: F, kinds: F) -> F:
    """The formula above: (texts, 3), from (kinds, 5), (texts, 3), (texts, 3) and (texts, kinds)."""
    weights = kinds @ mixing
    return np.asarray(weights[:, :1] * encoder + weights[:, 1:2] * wide + weights[:, 2:], dtype=encoder.dtype)
