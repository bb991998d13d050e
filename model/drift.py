"""Whether what arrives still looks like what the model was measured on.

Counts (sentiments, topics, lengths, how finely text is cut) are compared by the population stability index (Siddiqi,
"Credit Risk Scorecards", 2006: from 0.2 or so a population has shifted) beside a chi-square test. Vectors are compared
by their characteristic functions at a few random frequencies (Chwialkowski, Ramdas, Sejdinovic, Gretton, "Fast
Two-Sample Testing with Analytic Representations of Probability Measures", NeurIPS 2015), which notices any kind of
change, not that of the mean alone, costs one product of matrices, and needs of the reference a mean and a covariance.

Something has drifted where the effect is large *and* not chance: any difference is certain given enough documents, and
any effect is large given few.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.stats import chi2_contingency  # type: ignore[import-untyped]
from scipy.stats import f as f_distribution

Floats = npt.NDArray[np.float64]
FREQUENCIES: Final = 10
_EXPECTED: Final = 5.0  # rarer classes are taken together: the chi-square approximation asks for this many
_RIDGE: Final = 1e-6


class Limits(msgspec.Struct, frozen=True):
    """When a difference is drift.

    `false_alarms` is the chance that a comparison of one language finds drift where there is none, shared out among
    its checks (Bonferroni). `index` is the least population stability index, `distance` the least distance of
    characteristic functions (0 to 2). Fewer than `fewest` documents are not judged.
    """

    false_alarms: float = 0.01
    index: float = 0.2
    distance: float = 0.1
    fewest: int = 200


class Difference(msgspec.Struct, frozen=True):
    """How far two samples are apart, and the chance of that or more where both come from one distribution."""

    effect: float
    p_value: float


def count_difference(reference: Mapping[str, int], live: Mapping[str, int]) -> Difference:
    """The population stability index of two counts over named classes, and its chi-square p-value.

    Classes expected fewer than 5 times in either sample are taken together; a class without documents counts half a
    document, without which the index would be infinite.
    """
    names = sorted(set(reference) | set(live))
    table = np.array([[counts.get(name, 0) for name in names] for counts in (reference, live)], dtype=np.float64)
    expected = table.sum(axis=0) * table.sum(axis=1).min() / max(table.sum(), 1)
    rare = expected < _EXPECTED
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)]) if rare.any() else table
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return Difference(0.0, 1.0)
    shares = np.maximum(table, 0.5) / table.sum(axis=1, keepdims=True)
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return Difference(index, float(chi2_contingency(table, correction=False).pvalue))


class Sketch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a sample of vectors: nothing from which one of them could be told.

    `centre` and `spread`, (width,), standardise; `mean`, (2 frequencies,), and `covariance`, (2 frequencies,
    2 frequencies), are those of the sines and cosines of `documents` standardised vectors.
    """

    documents: int
    seed: int
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


def sketch(vectors: Floats, *, seed: int = 0) -> Sketch:
    """Sketch a sample of vectors, (documents, width); `seed` draws the frequencies."""
    centre, spread = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), 1e-9)
    waves = _waves(vectors, centre, spread, seed)
    return Sketch(
        documents=len(vectors),
        seed=seed,
        centre=tuple(centre.tolist()),
        spread=tuple(spread.tolist()),
        mean=tuple(waves.mean(axis=0).tolist()),
        covariance=tuple(tuple(row) for row in np.cov(waves, rowvar=False).tolist()),
    )


def vector_difference(reference: Sketch, live: Floats) -> Difference:
    """The distance of two samples' characteristic functions, and Hotelling's p-value of it.

    Args:
        reference: of the sample that is compared with.
        live: (documents, width) vectors.
    """
    waves = _waves(live, np.array(reference.centre), np.array(reference.spread), reference.seed)
    apart = waves.mean(axis=0) - np.array(reference.mean)
    size, freedom = len(apart), reference.documents - 1
    covariance = np.array(reference.covariance) + _RIDGE * np.eye(size)
    squared = float(apart @ np.linalg.solve(covariance, apart)) / (1 / reference.documents + 1 / len(live))
    # The covariance is itself an estimate from `documents` vectors, which the F distribution allows for.
    share = (freedom - size + 1) / (freedom * size)
    p_value = float(f_distribution.sf(squared * share, size, freedom - size + 1)) if share > 0 else 1.0
    return Difference(float(np.sqrt((apart**2).sum() / FREQUENCIES)), p_value)


def _waves(vectors: Floats, centre: Floats, spread: Floats, seed: int) -> Floats:
    """Sines and cosines of standardised vectors at random frequencies: (documents, 2 frequencies).

    Frequencies are those of a Gaussian kernel as wide as two standardised vectors are apart in the mean, the square
    root of twice their width (the median heuristic).
    """
    width = vectors.shape[1]
    frequencies = np.random.default_rng(seed).normal(size=(width, FREQUENCIES)) / np.sqrt(2 * width)
    # Bounded, so that one wild number cannot make all frequencies meaningless.
    angles = np.clip((vectors - centre) / spread, -8, 8) @ frequencies
    return np.hstack([np.sin(angles), np.cos(angles)])
