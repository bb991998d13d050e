"""N-grams beside an encoder's topics, as `model/wide.py` has them beside its sentiment.

    topic = encoder + g · ((a - 1) · encoder + c · table + b)

for each topic that a labelled set asks about, g being the table's guess that a text is like those of that set. A topic
that no set asks about is left to the encoder, and so is a text like those of no set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax  # type: ignore[import-untyped]

from model.engines import FloatArray
from model.errors import ArtefactError
from model.labels import TOPIC_IDS
from model.measures import Floats
from model.ngrams import ngrams

MIXED: Final = 3  # a, c and b


@dataclass(frozen=True, slots=True)
class WideTopics:
    """The fitted part.

    A column is a topic that a set asks about. `table`: (buckets, columns + sets + 1), the weights of an n-gram for each
    column, then for each set, and last for none; buckets are a power of two. `bias`: (columns + sets + 1,). `mixing`:
    (columns, 3), a, c and b. All float32. `places`: (columns,) of the topics in `TOPIC_IDS`; `sets`: (columns,) who
    asks about them. Both int64.
    """

    table: FloatArray
    bias: FloatArray
    mixing: FloatArray
    places: npt.NDArray[np.int64]
    sets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            ArtefactError: they do not.
        """
        columns, buckets = len(self.places), len(self.table)
        width = columns + int(self.sets.max(initial=-1)) + 2
        shapes = (self.table.shape, self.bias.shape, self.mixing.shape, self.sets.shape)
        possible = buckets > 1 and not buckets & (buckets - 1) and columns and self.sets.min() >= 0
        possible = possible and 0 <= self.places.min() <= self.places.max() < len(TOPIC_IDS)
        if not possible or shapes != ((buckets, width), (width,), (columns, MIXED), (columns,)):
            raise ArtefactError(f"n-grams of topics have shapes {shapes}, which cannot be: fit them again.")

    def says(self, texts: Sequence[Sequence[int]]) -> tuple[FloatArray, FloatArray]:
        """What n-grams alone say: (texts, columns) logits, and (texts, sets + 1) probabilities of sets and of none."""
        found = np.asarray(ngrams(texts, len(self.table)) @ self.table + self.bias, dtype=np.float32)
        columns = len(self.places)
        return found[:, :columns], np.asarray(softmax(found[:, columns:], axis=1), dtype=np.float32)

    def beside(self, topics: FloatArray, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Topic logits of encoder and n-grams together.

        Args:
            topics: (texts, topics) logits of the encoder.
            texts: the token ids of each text that the encoder read, without padding.
        """
        wide, kinds = self.says(texts)
        together = topics.copy()
        for number in range(kinds.shape[1] - 1):
            chosen = self.sets == number
            places = self.places[chosen]
            mixed = mix(self.mixing[chosen], topics[:, places], wide[:, chosen])
            together[:, places] += kinds[:, [number]] * (mixed - topics[:, places])
        return together


def mix(mixing: FloatArray | Floats, encoder: FloatArray | Floats, wide: FloatArray | Floats) -> Floats:
    """a · encoder + c · table + b: (texts, columns), from (columns, 3) and twice (texts, columns)."""
    a, c, b = mixing.T
    return np.asarray(a * encoder + c * wide + b)
