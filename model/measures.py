"""The numbers that say how good answers are: precision, recall and F1 of a label, and calibration."""

from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BINS: Final = 10


class ClassReport(msgspec.Struct, frozen=True):
    """One label: precision, recall and F1, 0 to 1, and how many rows truly have it."""

    precision: float
    recall: float
    f1: float
    support: int


class Bin(msgspec.Struct, frozen=True):
    """The answers whose confidence lies from `low` to `high`: how many, how sure on average, and how often right."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


def class_report(truth: Flags, answer: Flags) -> ClassReport:
    """Precision, recall and F1 of one label over (rows,) flags; 0 where there is nothing to divide by."""
    hits = int((truth & answer).sum())
    precision = hits / max(int(answer.sum()), 1)
    recall = hits / max(int(truth.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return ClassReport(precision, recall, f1, int(truth.sum()))


def f1_scores(hits: npt.NDArray[Any], answered: npt.NDArray[Any], true: npt.NDArray[Any]) -> tuple[Floats, Flags]:
    """F1 from counts of any shape, as 2 hits / (answered + true); and where a label occurs, for only there it counts.

    F1 is 0 where a label neither is true nor was answered.
    """
    occurring = (answered + true) > 0
    return np.asarray(2.0 * hits / np.where(occurring, answered + true, 1)), np.asarray(occurring)


def macro_f1(truths: Flags, answers: Flags) -> float:
    """The mean F1 over the labels that occur among truths or answers, both (rows, labels); 0 if none does."""
    scores, occurring = f1_scores((truths & answers).sum(axis=0), answers.sum(axis=0), truths.sum(axis=0))
    return float(scores[occurring].mean()) if occurring.any() else 0.0


def reliability(confidence: Floats, right: Flags) -> list[Bin]:
    """Sort answers into ten equal bins of confidence; bins without an answer are left out.

    Args:
        confidence: (rows,) the probability of the given answer, 0 to 1.
        right: (rows,) whether the answer was right.
    """
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(right[inside].mean()),
        )
        for number in range(BINS)
        if (inside := places == number).any()
    ]


def calibration_error(confidence: Floats, right: Flags) -> float:
    """Expected calibration error: |confidence - accuracy| averaged over ten equal bins, weighted by rows; 0 to 1.

    Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    """
    bins = reliability(confidence, right)
    return sum(one.rows * abs(one.confidence - one.accuracy) for one in bins) / max(len(right), 1)
