"""Models and TF-IDF as one: by the mean of their probabilities, and stacked, measured beside each of them alone.

TF-IDF learns from the train part and the stack from the dev part; the test part chooses nothing. The dev part chose
TF-IDF's strength and the models' temperatures too, which lets the stack trust them a little more than it should. Where
rows ask about an entity, TF-IDF still reads the whole text, and the stack learns how much that says about an entity. A
label without a row in the dev part is one that the stack never answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from model.answers import about_entities, label_probabilities, usable_rows
from model.baseline import fitted_baseline
from model.comparison import TFIDF, Comparison, mcnemar
from model.datasets import Row
from model.engines import FloatArray
from model.errors import DataError
from model.measurement import Rows
from model.measures import Flags, Floats, macro_f1
from model.splits import group
from model.stacking import Labels, Linear, features_of, fit_stack, linear_of
from model.tasks import Task
from model.teachers import Question, Teacher

MEAN: Final = "mean"
STACK: Final = "stack"


class Score(msgspec.Struct, frozen=True):
    """Accuracy and macro-F1 on the test part, both 0 to 1."""

    accuracy: float
    macro_f1: float


class Measured(msgspec.Struct, frozen=True):
    """One file.

    `members`: every model by its name, and TF-IDF. `best`: the member with the highest accuracy on the dev part;
    `comparisons` holds McNemar's test of `mean` and `stack` against it on the test part. `strength`: of the stack, see
    `model/stacking.py`. `toward`: whether rows were asked about their entity.
    """

    file: str
    task: str
    toward: bool
    dev_rows: int
    rows: int
    members: dict[str, Score]
    mean: Score
    stack: Score
    best: str
    strength: float
    comparisons: dict[str, Comparison]


@dataclass(frozen=True, slots=True)
class Words:
    """TF-IDF with logistic regression: a fitted vectorizer of scikit-learn, and the regression over what it gives."""

    vectors: Any
    linear: Linear

    def chances(self, texts: Sequence[str]) -> Floats:
        """The probability of each label: (texts, labels)."""
        return self.linear.chances(self.vectors.transform(texts))


@dataclass(frozen=True, slots=True)
class Ensemble:
    """What was fitted for one file, and how good it is."""

    task: Task
    words: Words
    stack: Linear
    measured: Measured


def member_chances(
    task: Task, words: Words, questions: Sequence[Question], answers: Sequence[tuple[FloatArray, FloatArray]]
) -> list[Floats]:
    """What the members of an ensemble say: (questions, labels) probabilities of each model, then of TF-IDF.

    Args:
        task: with one label a row.
        words: TF-IDF fitted for it.
        questions: texts, and the entities that are asked about.
        answers: the logits of each model.
    """
    names = tuple(task.labels)
    said = [
        label_probabilities(task, names, sentiment.astype(np.float64), topics.astype(np.float64))
        for sentiment, topics in answers
    ]
    return [*said, words.chances([text for text, _ in questions])]


def combine(path: Path, rows: Rows, models: Mapping[str, Teacher]) -> Ensemble:
    """Fit and measure an ensemble on one file.

    Args:
        path: where the rows are from.
        rows: its parts, of a task with one label a row.
        models: by name, at least one.

    Raises:
        DataError: there are too few rows, or labels, to fit it on.
        EngineError: scikit-learn is not installed.
    """
    task, names = rows.task, tuple(rows.task.labels)
    train, dev, test = (usable_rows(part, task) for part in (rows.train, rows.dev, rows.measured))
    if len({row.names[0] for row in train}) < 2 or not dev:
        raise DataError(f"{path}: an ensemble needs two labels in the train part and some rows in the dev part")
    toward = about_entities((*train, *dev, *test), task)
    fitted = fitted_baseline(train, dev)
    words = Words(fitted[0], linear_of(fitted[-1], names))
    on_dev, on_test = (_asked(part, task, words, models.values(), toward) for part in (dev, test))
    dev_labels, test_labels = _labels(dev, task), _labels(test, task)
    try:
        stack, strength = fit_stack(on_dev, dev_labels, group([row.text for row in dev]))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    members = dict(zip((*models, TFIDF), on_test, strict=True))
    best = list(members)[int(np.argmax([_right(one, dev_labels).mean() for one in on_dev]))]
    combined = {MEAN: np.mean(on_test, axis=0), STACK: stack.chances(features_of(on_test))}
    theirs = _right(members[best], test_labels)
    measured = Measured(
        file=path.name,
        task=task.name,
        toward=toward,
        dev_rows=len(dev),
        rows=len(test),
        members={name: _score(one, test_labels) for name, one in members.items()},
        mean=_score(combined[MEAN], test_labels),
        stack=_score(combined[STACK], test_labels),
        best=best,
        strength=strength,
        comparisons={name: mcnemar(_right(one, test_labels), theirs, best) for name, one in combined.items()},
    )
    return Ensemble(task, words, stack, measured)


def _asked(rows: Sequence[Row], task: Task, words: Words, models: Iterable[Teacher], toward: bool) -> list[Floats]:
    questions = [(row.text, row.entity if toward else None) for row in rows]
    return member_chances(task, words, questions, [model.logits(questions) for model in models])


def _labels(rows: Sequence[Row], task: Task) -> Labels:
    names = tuple(task.labels)
    return np.array([names.index(next(name for name in row.names if name in names)) for row in rows], dtype=np.intp)


def _right(chances: Floats, labels: Labels) -> Flags:
    return np.asarray(chances.argmax(axis=1) == labels)


def _score(chances: Floats, labels: Labels) -> Score:
    one_hot = np.eye(chances.shape[1], dtype=np.bool_)
    given = chances.argmax(axis=1)
    return Score(float((given == labels).mean()), macro_f1(one_hot[labels], one_hot[given]))
