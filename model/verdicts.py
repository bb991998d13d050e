"""The verdict on a candidate: a paired test, a margin, and a veto for any file that pays for the others.

The gain is the mean over files of the difference in accuracy, each file counting alike. Its p-value is that of a
sign-flip test stratified by file: if the models were equally good, each row that only one of them gets right would be
as likely the other's (Noreen, Computer-Intensive Methods for Testing Hypotheses, 1989; with one file it is McNemar's
test).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest  # type: ignore[import-untyped]

DRAWS: Final = 20_000
Flags = npt.NDArray[np.bool_]


class Bar(msgspec.Struct, frozen=True):
    """How much better is better.

    `margin`: the least mean gain in accuracy, as a share (0.0025 is a quarter of a point). `significance`: the largest
    p-value of the gain. `worst_loss`: a file on which accuracy falls by more than this, with McNemar's one-sided
    p-value within `significance`, vetoes the candidate.
    """

    margin: float = 0.0025
    significance: float = 0.05
    worst_loss: float = 0.01


class FileComparison(msgspec.Struct, frozen=True):
    """One file: accuracies (0 to 1), rows that only one model got right, and the p-value of "worse"."""

    rows: int
    incumbent: float
    candidate: float
    only_incumbent: int
    only_candidate: int
    p_worse: float


class Verdict(msgspec.Struct, frozen=True):
    """What the comparison came to; `reasons` says in words why a candidate was refused, and is empty if it was not."""

    incumbent: str
    candidate: str
    gain: float
    p_value: float
    reasons: tuple[str, ...]
    files: dict[str, FileComparison]

    @property
    def better(self) -> bool:
        """Whether the candidate passes the bar."""
        return not self.reasons


def verdict(
    incumbent: str, candidate: str, pairs: Mapping[str, tuple[Flags, Flags]], bar: Bar, *, rng: np.random.Generator
) -> Verdict:
    """Decide from which rows of each file the two models got right; a pure function of its arguments."""
    files = {name: _compared(*pair) for name, pair in pairs.items()}
    gain = float(np.mean([one.candidate - one.incumbent for one in files.values()]))
    p_value = _stratified_p([(one.only_incumbent + one.only_candidate, one.rows) for one in files.values()], gain, rng)
    reasons = []
    if gain < bar.margin:
        reasons.append(f"the mean gain of {gain:+.4f} is below the margin of {bar.margin:+.4f}")
    if p_value > bar.significance:
        reasons.append(f"p = {p_value:.3f}: the gain may be chance (at most {bar.significance:g} is asked)")
    for name, one in files.items():
        if one.incumbent - one.candidate > bar.worst_loss and one.p_worse <= bar.significance:
            reasons.append(f"{name} falls from {one.incumbent:.4f} to {one.candidate:.4f} (p = {one.p_worse:.3f})")
    return Verdict(incumbent, candidate, gain, p_value, tuple(reasons), files)


def _compared(incumbent: Flags, candidate: Flags) -> FileComparison:
    lost, won = int((incumbent & ~candidate).sum()), int((candidate & ~incumbent).sum())
    worse = float(binomtest(lost, lost + won, alternative="greater").pvalue) if lost + won else 1.0
    return FileComparison(len(incumbent), float(incumbent.mean()), float(candidate.mean()), lost, won, worse)


def _stratified_p(strata: Sequence[tuple[int, int]], gain: float, rng: np.random.Generator) -> float:
    """The share of random sign flips with at least this gain, the observed one counted in (so never 0)."""
    differing = np.array([one for one, _ in strata])
    rows = np.array([count for _, count in strata])
    won = rng.binomial(differing, 0.5, size=(DRAWS, len(strata)))
    drawn = ((2 * won - differing) / rows).mean(axis=1)
    return float((1 + (drawn >= gain - 1e-12).sum()) / (1 + DRAWS))
