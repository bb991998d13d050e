"""How good a classifier is on labelled rows: what a file asks follows from its labels (`model/tasks.py`)."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from model.classifier import Classifier, Tokens, pack
from model.datasets import Row
from model.labels import SENTIMENTS, TOPIC_IDS, TOPIC_INDEX
from model.tasks import Task

Floats = npt.NDArray[np.float64]
BINS = 10
TOKEN_BUDGET = 4096


class ClassReport(msgspec.Struct, frozen=True):
    """One label: precision, recall and F1, 0 to 1, and how many rows truly have it."""

    precision: float
    recall: float
    f1: float
    support: int


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


def all_logits(classifier: Classifier, texts: Sequence[str]) -> tuple[Floats, Floats]:
    """Run any number of texts: (texts, 3) and (texts, topics) raw logits in the order of texts."""
    tokens: list[Tokens] = classifier.encode(texts)
    sentiment = np.zeros((len(texts), len(SENTIMENTS)))
    topics = np.zeros((len(texts), len(TOPIC_IDS)))
    for places in pack([len(item) for item in tokens], TOKEN_BUDGET):
        sentiment[places], topics[places] = classifier.logits([tokens[i] for i in places])
    return sentiment, topics


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def label_probabilities(task: Task, names: Sequence[str], sentiment: Floats, topics: Floats) -> Floats:
    """The probability of each of a task's labels: (rows, len(names)), rows sum to 1.

    Args:
        task: of kind 'sentiment' or 'topic'.
        names: the task's labels, in the order of the answer's columns.
        sentiment: (rows, 3) logits, already divided by the temperature.
        topics: (rows, topics) logits.
    """
    if task.kind == "sentiment":
        chances = softmax(sentiment[:, [SENTIMENTS.index(name) for name in task.considered]])
        places = [[task.considered.index(allowed) for allowed in task.labels[name]] for name in names]
        return np.stack([chances[:, columns].sum(axis=1) for columns in places], axis=1)
    return softmax(topics[:, [TOPIC_INDEX[task.labels[name][0]] for name in names]])


def evaluate(classifier: Classifier, rows: Sequence[Row], task: Task) -> Report:
    """Measure a classifier on rows of one task; rows without a label that the task knows are left out."""
    usable = [row for row in rows if task.kind == "topics" or any(name in task.labels for name in row.names)]
    texts = [row.text for row in usable]
    began = time.perf_counter()
    sentiment, topics = all_logits(classifier, texts)
    speed = len(texts) / max(time.perf_counter() - began, 1e-9)
    common = {"model_version": classifier.version, "engine": classifier.engine_name, "texts_per_second": speed}
    if task.kind == "topics":
        chances = 1 / (1 + np.exp(-topics))
        return _several(usable, task, chances, np.array(classifier.manifest.thresholds), common)
    names = list(task.labels)
    chances = label_probabilities(task, names, sentiment / classifier.manifest.temperature, topics)
    truths = [next(name for name in row.names if name in task.labels) for row in usable]
    return _one(task, names, truths, chances, common)


def _one(task: Task, names: list[str], truths: list[str], chances: Floats, common: dict[str, Any]) -> Report:
    best = chances.argmax(axis=1)
    answers = [names[place] for place in best]
    right = np.array([truth == answer for truth, answer in zip(truths, answers, strict=True)])
    confusion: dict[str, dict[str, int]] = {}
    for truth, answer in zip(truths, answers, strict=True):
        row = confusion.setdefault(truth, {})
        row[answer] = row.get(answer, 0) + 1
    occurring = [name for name in names if name in set(truths) | set(answers)]
    classes = {
        name: class_report(np.array([t == name for t in truths]), np.array([a == name for a in answers]))
        for name in occurring
    }
    return Report(
        task=task.name,
        rows=len(truths),
        accuracy=float(right.mean()),
        macro_f1=_macro(classes),
        calibration_error=calibration_error(chances.max(axis=1), right),
        classes=classes,
        confusion=confusion,
        **common,
    )


def _several(rows: list[Row], task: Task, chances: Floats, thresholds: Floats, common: dict[str, Any]) -> Report:
    names = task.topics
    columns = [TOPIC_INDEX[name] for name in names]
    answers = chances[:, columns] >= thresholds[columns]
    truths = np.array([[name in _ours(row, task) for name in names] for row in rows])
    classes = {
        name: class_report(truths[:, place], answers[:, place])
        for place, name in enumerate(names)
        if truths[:, place].any() or answers[:, place].any()
    }
    return Report(
        task=task.name,
        rows=len(rows),
        accuracy=float((truths == answers).all(axis=1).mean()),
        macro_f1=_macro(classes),
        calibration_error=None,
        classes=classes,
        confusion={},
        **common,
    )


def _ours(row: Row, task: Task) -> set[str]:
    return {ours for name in row.names for ours in task.labels.get(name, ())}


def class_report(truth: npt.NDArray[np.bool_], answer: npt.NDArray[np.bool_]) -> ClassReport:
    """Precision, recall and F1 of one label over (rows,) flags; 0 where there is nothing to divide by."""
    hits = int((truth & answer).sum())
    precision = hits / max(int(answer.sum()), 1)
    recall = hits / max(int(truth.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return ClassReport(precision, recall, f1, int(truth.sum()))


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error: |confidence - accuracy| averaged over ten equal bins, weighted by rows; 0 to 1."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    error = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(error)


def _macro(classes: dict[str, ClassReport]) -> float:
    return float(np.mean([report.f1 for report in classes.values()])) if classes else 0.0
