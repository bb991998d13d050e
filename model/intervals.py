"""How far accuracy and macro-F1 may be off because only so many rows were measured: percentile bootstrap.

Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13. What is drawn again is texts, not rows: the rows
of one headline, one for each company in it, are right or wrong together. Both statistics depend on a text only through
its counts (hits, answers and truths of each label), and most texts share theirs, so a resample is one multinomial draw
over the distinct counts: the same distribution as drawing texts one by one, and all resamples in one matrix product.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from model.answers import Answers
from model.measures import Floats, f1_scores

RESAMPLES: Final = 2000
LEVEL: Final = 0.95


class Interval(msgspec.Struct, frozen=True):
    """From `low` to `high`, both 0 to 1."""

    low: float
    high: float


class Intervals(msgspec.Struct, frozen=True):
    """Confidence intervals of one measurement, at `level` (0 to 1), from `resamples` draws of `texts` texts."""

    accuracy: Interval
    macro_f1: Interval
    level: float
    resamples: int
    texts: int


def intervals(answers: Answers, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0) -> Intervals:
    """Bootstrap the accuracy and macro-F1 of answers; the same seed gives the same interval.

    Args:
        answers: at least one row.
        resamples: how many times the texts are drawn again.
        level: the share of resamples inside the interval.
        seed: of the draws.
    """
    tallies = _tallies(answers)
    distinct, counts = np.unique(tallies, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(tallies), counts / len(tallies), size=resamples)
    accuracy, macro = _statistics(drawn.astype(np.float64) @ distinct.astype(np.float64), len(answers.names))
    ends = [(1 - level) / 2, (1 + level) / 2]
    accuracies, macros = np.quantile(accuracy, ends), np.quantile(macro, ends)
    return Intervals(
        Interval(float(accuracies[0]), float(accuracies[1])),
        Interval(float(macros[0]), float(macros[1])),
        level,
        resamples,
        len(tallies),
    )


def _tallies(answers: Answers) -> npt.NDArray[np.int64]:
    """(texts, 3 labels + 2): hits, answers and truths of each label, rows answered right, rows."""
    columns = [answers.truths & answers.given, answers.given, answers.truths, answers.right[:, None]]
    rows = np.concatenate([*columns, np.ones((len(answers.rows), 1))], axis=1).astype(np.int64)
    places: dict[str, int] = {}
    texts = [places.setdefault(row.text, len(places)) for row in answers.rows]
    tallies = np.zeros((len(places), rows.shape[1]), dtype=np.int64)
    np.add.at(tallies, texts, rows)
    return tallies


def _statistics(totals: Floats, labels: int) -> tuple[Floats, Floats]:
    """Accuracy and macro-F1, (resamples,) each, of totals (resamples, 3 labels + 2)."""
    hits, given, true = (totals[:, start * labels : (start + 1) * labels] for start in range(3))
    scores, occurring = f1_scores(hits, given, true)
    macro = scores.sum(axis=1) / np.maximum(occurring.sum(axis=1), 1)
    return totals[:, -2] / totals[:, -1], macro
