"""What a classifier answers to labelled rows, beside what their annotators said: the ground of every measurement.

Rows of a file that asks about entities are asked about theirs, all others about the whole text.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax  # type: ignore[import-untyped]

from model.classifier import Classifier
from model.datasets import Row
from model.engines import FloatArray
from model.labels import SENTIMENTS, TOPIC_INDEX
from model.measures import Flags, Floats
from model.tasks import Task


@dataclass(frozen=True, slots=True)
class Answers:
    """Rows of one task, and what was answered.

    `truths`, `given` and `chances` are (rows, names): flags, flags and probabilities. Unless the task allows several
    topics a row, each row has exactly one truth and one answer, and its chances sum to 1. `lengths` counts the tokens
    that were read of each row, marks included. `toward` says whether rows were asked about their entity; `seconds` is
    how long the model took.
    """

    task: Task
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    truths: Flags
    given: Flags
    chances: Floats
    lengths: tuple[int, ...]
    toward: bool
    seconds: float

    @property
    def exclusive(self) -> bool:
        """Whether each row has exactly one label."""
        return self.task.kind != "topics"

    @property
    def right(self) -> Flags:
        """(rows,) whether the answer, or the whole set of topics, is right."""
        return np.asarray((self.truths == self.given).all(axis=1))

    @property
    def confidence(self) -> Floats:
        """(rows,) the probability of the likeliest label."""
        return np.asarray(self.chances.max(axis=1))

    def only(self, places: npt.NDArray[np.intp]) -> "Answers":
        """The rows at these places."""
        return replace(
            self,
            rows=tuple(self.rows[place] for place in places),
            truths=self.truths[places],
            given=self.given[places],
            chances=self.chances[places],
            lengths=tuple(self.lengths[place] for place in places),
        )


def usable_rows(rows: Sequence[Row], task: Task) -> list[Row]:
    """Leave out rows without a label that the task knows; with several topics a row, none at all is an answer too."""
    return [row for row in rows if task.kind == "topics" or any(name in task.labels for name in row.names)]


def answer(classifier: Classifier, rows: Sequence[Row], task: Task) -> Answers:
    """Ask a classifier about the usable rows of one task, in their order."""
    usable = tuple(usable_rows(rows, task))
    toward = about_entities(usable, task)
    entities = [row.entity if toward else None for row in usable]
    began = time.perf_counter()
    tokens = classifier.encode([row.text for row in usable], toward=entities)
    sentiment, topics = _float64(classifier.all_logits(tokens))
    seconds = max(time.perf_counter() - began, 1e-9)
    lengths = tuple(len(item) for item in tokens)
    if task.kind == "topics":
        columns = [TOPIC_INDEX[name] for name in task.topics]
        chances = expit(topics[:, columns])
        given = chances >= np.array(classifier.manifest.thresholds)[columns]
        truths = np.array([[name in _ours(row, task) for name in task.topics] for row in usable], dtype=np.bool_)
        return Answers(task, usable, task.topics, truths, given, chances, lengths, False, seconds)
    names = tuple(task.labels)
    chances = label_probabilities(task, names, sentiment, topics)
    wanted = [names.index(next(name for name in row.names if name in task.labels)) for row in usable]
    one_hot = np.eye(len(names), dtype=np.bool_)
    given = one_hot[chances.argmax(axis=1)]
    return Answers(task, usable, names, one_hot[wanted], given, chances, lengths, toward, seconds)


def about_entities(rows: Sequence[Row], task: Task) -> bool:
    """Whether rows ask for the sentiment toward an entity: some text is labelled for two of them.

    A file where every text has one entity (the ticker a post was filed under) asks about the whole text.
    """
    entities: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        entities[row.text].add(row.entity or "")
    complete = all(row.entity for row in rows)
    return task.kind == "sentiment" and complete and any(len(names) > 1 for names in entities.values())


def all_logits(
    classifier: Classifier, texts: Sequence[str], *, toward: Sequence[str | None] | None = None
) -> tuple[Floats, Floats]:
    """Run any number of texts: (texts, 3) and (texts, topics) logits in the order of texts."""
    return _float64(classifier.all_logits(classifier.encode(texts, toward=toward)))


def _float64(logits: tuple[FloatArray, FloatArray]) -> tuple[Floats, Floats]:
    return logits[0].astype(np.float64), logits[1].astype(np.float64)


def label_probabilities(task: Task, names: Sequence[str], sentiment: Floats, topics: Floats) -> Floats:
    """The probability of each of a task's labels: (rows, len(names)), rows sum to 1.

    Args:
        task: of kind 'sentiment' or 'topic'.
        names: the task's labels, in the order of the answer's columns.
        sentiment: (rows, 3) logits.
        topics: (rows, topics) logits.
    """
    if task.kind == "sentiment":
        chances = softmax(sentiment[:, [SENTIMENTS.index(name) for name in task.considered]], axis=1)
        places = [[task.considered.index(allowed) for allowed in task.labels[name]] for name in names]
        return np.stack([chances[:, columns].sum(axis=1) for columns in places], axis=1)
    return np.asarray(softmax(topics[:, [TOPIC_INDEX[task.labels[name][0]] for name in names]], axis=1))


def _ours(row: Row, task: Task) -> set[str]:
    return {ours for name in row.names for ours in task.labels.get(name, ())}
