"""N-grams as the features of a regression: which buckets are used, and how much each of them weighs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.engines import FloatArray
from model.measures import Flags, Floats
from model.ngrams import ngrams


@dataclass(frozen=True, slots=True)
class Features:
    """What was learned from train texts.

    `buckets`: how many there are. `used`: (features,) those that enough texts have. `factor`: (features,) smoothed
    inverse document frequency, as scikit-learn has it, over the root of the mean square length of rows: so these are of
    length 1 on average, and the strength of a regression means the same whatever the rarities are.
    """

    buckets: int
    used: npt.NDArray[np.int64]
    factor: Floats

    @classmethod
    def of(cls, counts: Any, at_least: int) -> "Features":
        """Learn from what `ngrams` made of train texts, at least one, leaving out what fewer than `at_least` have."""
        seen = np.bincount(counts.indices, minlength=counts.shape[1])
        used = np.flatnonzero(seen >= at_least)
        rarity = np.log((1 + counts.shape[0]) / (1 + seen[used])) + 1
        scale = np.sqrt((counts[:, used] * rarity).power(2).sum() / counts.shape[0]) or 1.0
        return cls(counts.shape[1], used, rarity / scale)

    def rows(self, counts: Any) -> Any:
        """(texts, features) float64, sparse, from what `ngrams` made of texts."""
        return (counts[:, self.used].astype(np.float64) * self.factor).tocsr()

    def of_texts(self, texts: Sequence[Sequence[int]], hidden: Sequence[Flags] | None = None) -> Any:
        """The same from token ids; for `hidden` see `ngrams`."""
        return self.rows(ngrams(texts, self.buckets, hidden))

    def table(self, weights: Floats) -> FloatArray:
        """(buckets, answers), rounded as it will be stored, from the weights of features, (features, answers)."""
        table = np.zeros((self.buckets, weights.shape[1]), dtype=np.float16)
        table[self.used] = weights * self.factor[:, None]
        return table.astype(np.float32)
