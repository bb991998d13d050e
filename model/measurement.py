"""One labelled file measured from every side: whole, by slices, with intervals, and beside other models."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from model.answers import Answers, about_entities, answer
from model.classifier import Classifier
from model.comparison import TFIDF, Comparison, baseline_right, mcnemar
from model.datasets import Row, document_rows, read_rows, split_rows, task_of_rows
from model.errors import DataError
from model.evaluation import Report, report_of
from model.intervals import RESAMPLES, Intervals, intervals
from model.measures import Bin, reliability
from model.slices import Slice, slices
from model.tasks import Task

log = logging.getLogger(__name__)


class Detail(msgspec.Struct, frozen=True):
    """What is added to a report: see the modules of its parts.

    `sentiment_of` says what rows were asked about: 'entity' where texts are labelled for several, else 'document';
    null where the task is no sentiment. `reliability` is empty with several topics a
    row.
    """

    sentiment_of: Literal["document", "entity"] | None
    intervals: Intervals
    reliability: list[Bin]
    slices: dict[str, dict[str, Slice]]
    comparisons: list[Comparison]


@dataclass(frozen=True, slots=True)
class Measured:
    """A file and all that was measured on it."""

    path: Path
    report: Report
    detail: Detail
    answers: Answers

    @property
    def baseline(self) -> float | None:
        """The accuracy of TF-IDF, where it was asked for."""
        return next((one.accuracy for one in self.detail.comparisons if one.against == TFIDF), None)

    def to_builtins(self) -> dict[str, Any]:
        """The file's part of `yuqing evaluate --json`."""
        found: dict[str, Any] = {"file": self.path.name}
        found |= msgspec.to_builtins(self.report) | msgspec.to_builtins(self.detail)
        return found if self.baseline is None else found | {"baseline": self.baseline}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file that are measured, and those that a baseline may learn from."""

    task: Task
    measured: Sequence[Row]
    train: Sequence[Row] = ()
    dev: Sequence[Row] = ()


def chosen_rows(path: Path, *, held_out: bool, seed: int) -> Rows:
    """Read a file: every row, or with `held_out` its test part.

    Of a test part that asks about whole texts, those whose rows disagree are left out.

    Raises:
        DataError: the file cannot be read, no task knows its labels, or there are too few texts to split.
    """
    rows = read_rows(path)
    task = task_of_rows(rows)
    if not held_out:
        return Rows(task, rows)
    found = split_rows(rows, seed=seed)
    if not about_entities(rows, task):
        found = {part: document_rows(chosen) for part, chosen in found.items()}
    train, dev, test = found["train"], found["dev"], found["test"]
    if not test:
        raise DataError(f"{path} has no row in its test part: {len(rows)} rows are too few to split")
    return Rows(task, test, train, dev)


def measure(
    path: Path,
    rows: Rows,
    classifier: Classifier,
    *,
    others: Sequence[Classifier] = (),
    baseline: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Measured:
    """Measure a classifier on rows of a file, and compare it with others and with TF-IDF on the very same rows.

    Args:
        path: where the rows are from.
        rows: see `chosen_rows`.
        classifier: ours.
        others: any number of other models.
        baseline: whether TF-IDF is trained and compared; it has no answer where a row has several topics.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        EngineError: the baseline needs scikit-learn, which is not installed.
    """
    answers = answer(classifier, rows.measured, rows.task)
    right = answers.right
    comparisons = [mcnemar(right, answer(one, rows.measured, rows.task).right, one.version) for one in others]
    if baseline and answers.exclusive:
        theirs = baseline_right(rows.train, rows.dev, rows.measured, rows.task)
        comparisons.append(mcnemar(right, theirs, TFIDF))
    detail = Detail(
        _asked(answers),
        intervals(answers, resamples=resamples, seed=seed),
        reliability(answers.confidence, right) if answers.exclusive else [],
        slices(answers, resamples=resamples, seed=seed),
        comparisons,
    )
    return Measured(path, report_of(answers, classifier), detail, answers)


def _asked(answers: Answers) -> Literal["document", "entity"] | None:
    if answers.task.kind != "sentiment":
        return None
    return "entity" if answers.toward else "document"
