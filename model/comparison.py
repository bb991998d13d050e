"""Whether one model is better than another on the same rows, or was lucky: McNemar's exact test.

McNemar, Psychometrika 12 (1947); the exact conditional form as in Fagerland, Lydersen, Laake, BMC Medical Research
Methodology 13:91 (2013): of the rows that only one model answers right, each model should have half; the p-value is the
two-sided binomial one. Rows of one text are taken as independent, which makes p a little too small where a file has
several rows a text.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from model.answers import usable_rows
from model.datasets import Row
from model.measures import Flags
from model.tasks import Task

TFIDF: Final = "tfidf"


class Comparison(msgspec.Struct, frozen=True):
    """Our model beside another: its accuracy, the rows that only ours or only theirs has right, and the p-value."""

    against: str
    accuracy: float
    only_ours: int
    only_theirs: int
    p_value: float


def mcnemar(ours: Flags, theirs: Flags, against: str) -> Comparison:
    """Compare two models on the same rows.

    Args:
        ours: (rows,) whether our answer is right.
        theirs: (rows,) whether the other model's is.
        against: the other model's name.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    differing = only_ours + only_theirs
    p_value = float(binomtest(only_ours, differing, 0.5).pvalue) if differing else 1.0
    return Comparison(against, float(theirs.mean()), only_ours, only_theirs, p_value)


def baseline_right(train: Sequence[Row], dev: Sequence[Row], test: Sequence[Row], task: Task) -> Flags:
    """Which usable test rows TF-IDF with logistic regression answers right, in order; one label a row.

    Raises:
        EngineError: scikit-learn is not installed.
    """
    import numpy as np

    from model.baseline import baseline_answers

    learned, chosen, asked = (usable_rows(rows, task) for rows in (train, dev, test))
    given = baseline_answers(learned, chosen, asked)
    return np.array([one == row.names[0] for one, row in zip(given, asked, strict=True)], dtype=np.bool_)
