"""Rows whose label is likely wrong, by confident learning (Northcutt et al. 2021, arXiv:1911.00068).

The TF-IDF baseline gives each row probabilities from a fit that saw neither the row nor a near duplicate of it; a row
is suspect where another label is likelier than that label is on the rows that carry it, and it is among the least
likely of its own label. The library cleanlab does the latter part.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from model.baseline import baseline_model
from model.data_checks import Numbered
from model.errors import EngineError
from model.splits import group
from model.tasks import Task

FOLDS: Final = 5


def likely_label_errors(rows: Sequence[Numbered], task: Task, *, seed: int = 0) -> tuple[int, ...] | None:
    """Find suspect rows: the numbers of their lines, the most suspect first.

    A text that carries several labels, as a headline does that is good for one company and bad for another, is left
    out, and so is a label with fewer texts than folds.

    Args:
        rows: of one file.
        task: its task.
        seed: of the folds.

    Returns:
        None where a row may have several labels, or fewer than two labels have texts enough.

    Raises:
        EngineError: scikit-learn or cleanlab is not installed.
    """
    chosen = _eligible(rows, task)
    if len({one.row.names[0] for one in chosen}) < 2:
        return None
    try:
        from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict  # type: ignore[import-untyped]
    except ImportError as error:
        raise EngineError(f"likely label errors need {error.name}: pip install 'yuqing[train]'") from error
    texts = [one.row.text for one in chosen]
    names, labels = np.unique([one.row.names[0] for one in chosen], return_inverse=True)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    pieces = list(folds.split(texts, labels, group(texts)))
    if any(len(np.unique(labels[train])) < len(names) for train, _ in pieces):
        return None  # all texts of a label are near duplicates of each other
    model = baseline_model([one.row for one in chosen])
    chances = cross_val_predict(model, texts, labels, cv=pieces, method="predict_proba")
    places = find_label_issues(labels, chances, return_indices_ranked_by="self_confidence", n_jobs=1)
    return tuple(chosen[int(place)].line for place in places)


def _eligible(rows: Sequence[Numbered], task: Task) -> list[Numbered]:
    if task.kind == "topics":
        return []
    by_text: dict[str, list[Numbered]] = defaultdict(list)
    for one in rows:
        if one.row.text.strip() and any(name in task.labels for name in one.row.names):
            by_text[one.row.text].append(one)
    single = [group[0] for group in by_text.values() if len({one.row.names for one in group}) == 1]
    by_label: dict[str, int] = defaultdict(int)
    for one in single:
        by_label[one.row.names[0]] += 1
    return [one for one in single if by_label[one.row.names[0]] >= FOLDS]
