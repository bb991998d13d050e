"""Whether a candidate is better than the model in force, on rows that neither has learned from.

Both answer the dev part of every labelled file, as `model/splits.py` cuts it for one frozen seed, so the rows are the
same from one candidate to the next. Temperature and thresholds were fitted on these dev parts too, for both models
alike; the temperature does not change which label is the likeliest. `model/verdicts.py` holds the test.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from model.answers import answer
from model.classifier import Classifier
from model.datasets import Row, document_rows, split_rows
from model.errors import ConfigError, DataError
from model.tasks import Task
from model.verdicts import Bar, Flags, Verdict, verdict

FROZEN_SEED: Final = 0  # of the split; a model of another seed may have learned from these dev rows


def frozen_rows(sets: Mapping[str, tuple[Task, list[Row]]]) -> dict[str, tuple[Task, list[Row]]]:
    """The dev part of every file; files too small to have one are left out.

    Raises:
        DataError: no file has a dev part.
    """
    found = {}
    for name, (task, every) in sets.items():
        rows = document_rows(split_rows(every, seed=FROZEN_SEED)["dev"])
        if chosen := [row for row in rows if _known(row, task)]:
            found[name] = (task, chosen)
    if not found:
        raise DataError("no labelled file is large enough to have a dev part: give more rows")
    return found


def refuse_other_split(classifier: Classifier) -> None:
    """Make sure that a model was trained on the split whose dev parts are asked.

    Raises:
        ConfigError: its manifest names another seed, so its training may have seen these rows.
    """
    seed = classifier.manifest.training.get("seed", FROZEN_SEED)
    if seed != FROZEN_SEED:
        raise ConfigError(
            f"{classifier.version} was trained on the split of seed {seed}, so it may have learned from the rows that "
            f"promotion asks: train it with seed = {FROZEN_SEED}"
        )


def hits(classifier: Classifier, rows: Sequence[Row], task: Task) -> Flags:
    """Which rows a model answers right, (rows,): the likeliest label, or with several topics a row exactly those."""
    return answer(classifier, rows, task).right


def judge(
    incumbent: Classifier,
    candidate: Classifier,
    rows: Mapping[str, tuple[Task, list[Row]]],
    bar: Bar,
    *,
    rng: np.random.Generator,
) -> Verdict:
    """Compare two models on frozen rows, as `frozen_rows` returns them.

    Raises:
        ConfigError: one of them was trained on another split.
    """
    for classifier in (incumbent, candidate):
        refuse_other_split(classifier)
    pairs = {
        name: (hits(incumbent, chosen, task), hits(candidate, chosen, task)) for name, (task, chosen) in rows.items()
    }
    return verdict(incumbent.version, candidate.version, pairs, bar, rng=rng)


def _known(row: Row, task: Task) -> bool:
    return task.kind == "topics" or any(name in task.labels for name in row.names)
