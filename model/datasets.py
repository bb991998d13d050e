"""Labelled files as examples: what each row teaches, written as targets and masks.

A file is JSON Lines with `text`, and `label` or `labels`; with `entity` there may be several rows of one text.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from model.errors import UNREADABLE_JSON, DataError
from model.labels import RISK_IDS, SENTIMENTS, TOPIC_IDS, TOPIC_INDEX
from model.splits import Part, parts
from model.tasks import NEGATIVE, NEWSFLASH_TOPICS, Task, task_of

# A text that its annotators found not to be bad news reports no risk event. No annotator was asked, so it counts less.
INFERRED: Final = 0.25


class Row(msgspec.Struct, frozen=True):
    """One line of a labelled file; fields that a source adds are ignored.

    `entities` and `negative_entities`: those named, and those it is bad news for, joined by `;`. `agreement`: per cent
    of annotators who chose the label; whatever is no such number counts as unknown.
    """

    text: str
    label: str | None = None
    labels: tuple[str, ...] = ()
    entity: str | None = None
    entities: str = ""
    negative_entities: str = ""
    agreement: Any = None

    @property
    def certainty(self) -> float:
        """The share of annotators who chose the label, above 0 and at most 1; 1 where it is unknown."""
        known = isinstance(self.agreement, int | float) and 0 < self.agreement <= 100
        return self.agreement / 100 if known else 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """The labels, one or several."""
        return self.labels if self.label is None else (self.label,)


Sets = dict[str, tuple[Task, dict[Part, list[Row]]]]


@dataclass(frozen=True, slots=True)
class Example:
    """One text and what it teaches.

    `allowed` and `considered` are places in `SENTIMENTS`: the annotator's answer is one of `allowed`, the question was
    about `considered`; both are () where nobody asked. `topics` and `mask` are (topics,) float32, the second being
    how much each topic counts, 0 where nobody asked. `exclusive`: exactly one of the topics fully asked about holds.
    `entity`: whom the sentiment is toward, None for the text as a whole. `agreement`: the share of annotators who gave
    the answer. What a run's techniques add: `weight` of the row in the loss, `certainty` of its sentiment (the mass of
    the allowed answers; the rest goes to the others considered), and `lesson`, the probabilities that teachers give at
    their temperature: (3,) and (topics,) float32, NaN throughout where none teaches.
    """

    text: str
    source: str
    allowed: tuple[int, ...]
    considered: tuple[int, ...]
    topics: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32]
    exclusive: bool
    entity: str | None = None
    agreement: float = 1.0
    weight: float = 1.0
    certainty: float = 1.0
    lesson: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None


def read_rows(path: Path) -> list[Row]:
    """Read one labelled file.

    Raises:
        DataError: the file is absent or empty, or a line is no row; the message has the line's number.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=Row)
        except UNREADABLE_JSON as error:
            raise DataError(f"{path}, line {number}: {error}. Expected an object with text and label.") from error
        rows.append(row)
    if not rows:
        raise DataError(f"{path} holds no rows")
    return rows


def task_of_rows(rows: Iterable[Row]) -> Task:
    """Find the task of a file.

    Raises:
        DataError: no task knows the labels.
    """
    return task_of(name for row in rows for name in row.names)


def split_rows(rows: Sequence[Row], *, seed: int) -> dict[Part, list[Row]]:
    """The rows of each part of a file; rows of one text, and near duplicates, are in one part."""
    places = parts([row.text for row in rows], seed=seed)
    return {part: [rows[place] for place in chosen] for part, chosen in places.items()}


def document_rows(rows: Iterable[Row]) -> list[Row]:
    """Make one row of each text, dropping a text whose rows disagree (bad for one company, good for another)."""
    by_text: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_text[row.text].append(row)
    return [group[0] for group in by_text.values() if all(row.names == group[0].names for row in group)]


def examples(rows: Iterable[Row], task: Task, source: str) -> list[Example]:
    """Turn rows into examples, leaving out those with no label that the task knows."""
    known = [(row, [name for name in row.names if name in task.labels]) for row in rows]
    return [
        replace(_example(row.text, source, names, task), agreement=row.certainty)
        for row, names in known
        if names or task is NEWSFLASH_TOPICS
    ]


def entity_examples(rows: Iterable[Row], task: Task, source: str) -> list[Example]:
    """Turn rows that name entities into questions about each, with the source `SOURCE.toward`."""
    if task.kind != "sentiment":
        return []
    return [
        replace(_example(row.text, f"{source}.toward", [name], task), entity=entity)
        for row in rows
        for entity, name in _toward(row, task)
        if name in task.labels
    ]


def _toward(row: Row, task: Task) -> list[tuple[str, str]]:
    if row.entity:
        return [(row.entity, name) for name in row.names[:1]]
    if task is not NEGATIVE:
        return []
    bad = set(row.negative_entities.split(";"))
    named = [entity for entity in row.entities.split(";") if entity]
    return [(entity, "negative" if entity in bad else "other") for entity in dict.fromkeys(named)]


def _example(text: str, source: str, names: list[str], task: Task) -> Example:
    ours = {ours for name in names for ours in task.labels[name]}
    topics = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    mask = np.zeros(len(TOPIC_IDS), dtype=np.float32)
    if task.kind == "sentiment":
        if "negative" not in ours:
            mask[[TOPIC_INDEX[name] for name in RISK_IDS]] = INFERRED
            mask[TOPIC_INDEX["risk_other"]] = 0
        return Example(text, source, _places(ours), _places(task.considered), topics, mask, False)
    topics[[TOPIC_INDEX[name] for name in ours]] = 1
    mask[[TOPIC_INDEX[name] for name in task.topics]] = 1
    return Example(text, source, (), (), topics, mask, task.kind == "topic")


def _places(names: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(SENTIMENTS.index(name) for name in names))


def read_folder(folder: Path) -> dict[str, tuple[Task, list[Row]]]:
    """Read every `*.jsonl` of a folder: name without ending -> its task and its rows.

    Raises:
        DataError: there is none, or one cannot be read.
    """
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise DataError(f"{folder} holds no labelled files (*.jsonl)")
    found: dict[str, tuple[Task, list[Row]]] = {}
    for path in paths:
        rows = read_rows(path)
        found[path.stem] = (task_of_rows(rows), rows)
    return found


def read_sets(folder: Path, *, seed: int) -> Sets:
    """Read and split every labelled file of a folder: name -> (task, rows of each part).

    Raises:
        DataError: there is none, or one cannot be read.
    """
    return {name: (task, split_rows(rows, seed=seed)) for name, (task, rows) in read_folder(folder).items()}


def label_counts(rows: Iterable[Row]) -> dict[str, Any]:
    """Count rows by label, for reports."""
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        for name in row.names:
            counts[name] += 1
    return dict(counts)
