"""How good a classifier is on labelled rows: what a file asks follows from its labels (`model/tasks.py`)."""

from collections.abc import Sequence

import msgspec
import numpy as np

from model.answers import Answers, all_logits, answer, label_probabilities
from model.classifier import Classifier
from model.datasets import Row
from model.measures import ClassReport, Floats, calibration_error, class_report, macro_f1
from model.tasks import Task

__all__ = [
    "ClassReport",
    "Floats",
    "Report",
    "all_logits",
    "calibration_error",
    "class_report",
    "evaluate",
    "label_probabilities",
    "report_of",
]


class Report(msgspec.Struct, frozen=True):
    """Measurements of one file.

    `accuracy`: the share of rows answered right; with several topics a row, of rows whose set of topics is exactly
    right. `macro_f1`: the mean over labels that occur among truths or answers. `calibration_error`: the expected
    calibration error over ten bins of confidence; null with several topics a row. `confusion[truth][answer]` counts
    rows and is empty with several topics a row.
    """

    task: str
    rows: int
    accuracy: float
    macro_f1: float
    calibration_error: float | None
    classes: dict[str, ClassReport]
    confusion: dict[str, dict[str, int]]
    model_version: str
    engine: str
    texts_per_second: float


def evaluate(classifier: Classifier, rows: Sequence[Row], task: Task) -> Report:
    """Measure a classifier on rows of one task; rows without a label that the task knows are left out."""
    return report_of(answer(classifier, rows, task), classifier)


def report_of(answers: Answers, classifier: Classifier) -> Report:
    """The measurements of answers that were given by this classifier."""
    occurring = set(np.flatnonzero((answers.truths | answers.given).any(axis=0)).tolist())
    right = answers.right
    return Report(
        task=answers.task.name,
        rows=len(answers.rows),
        accuracy=float(right.mean()),
        macro_f1=macro_f1(answers.truths, answers.given),
        calibration_error=calibration_error(answers.confidence, right) if answers.exclusive else None,
        classes={
            name: class_report(answers.truths[:, place], answers.given[:, place])
            for place, name in enumerate(answers.names)
            if place in occurring
        },
        confusion=_confusion(answers) if answers.exclusive else {},
        model_version=classifier.version,
        engine=classifier.engine_name,
        texts_per_second=len(answers.rows) / answers.seconds,
    )


def _confusion(answers: Answers) -> dict[str, dict[str, int]]:
    counts = answers.truths.T.astype(int) @ answers.given.astype(int)
    return {
        truth: {name: int(n) for name, n in zip(answers.names, row, strict=True) if n}
        for truth, row in zip(answers.names, counts, strict=True)
        if row.any()
    }
