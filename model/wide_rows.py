"""Labelled texts as the fitting of n-grams takes them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.datasets import Example
from model.labels import SENTIMENTS
from model.measures import Flags, Floats


@dataclass(frozen=True, slots=True)
class WideRows:
    """Texts whose sentiment as a whole was asked about.

    `ids`: the token ids of each. `allowed` and `considered`: (texts, 3) flags, as in `Example`. `sources`: their sets.
    `hidden`: which token ids of each are of a name (`model/names.py`), from which nothing is to be learned; None hides
    none.
    """

    texts: Sequence[str]
    ids: Sequence[Sequence[int]]
    allowed: Flags
    considered: Flags
    sources: Sequence[str]
    hidden: Sequence[Flags] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def weights(self) -> Floats:
        """(texts,) of mean 1; those of one set sum to what those of another do."""
        counts = Counter(self.sources)
        return np.array([len(self) / len(counts) / counts[source] for source in self.sources])


def wide_rows(
    chosen: Sequence[Example], ids: Sequence[Sequence[int]], hidden: Sequence[Flags] | None = None
) -> WideRows:
    """Collect examples, their token ids, and which of those are hidden."""
    return WideRows(
        [one.text for one in chosen],
        ids,
        _flags([one.allowed for one in chosen]),
        _flags([one.considered for one in chosen]),
        [one.source for one in chosen],
        hidden,
    )


def _flags(rows: Sequence[tuple[int, ...]]) -> Flags:
    return np.array([np.isin(np.arange(len(SENTIMENTS)), row) for row in rows]).reshape(-1, len(SENTIMENTS))
