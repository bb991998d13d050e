"""TF-IDF and logistic regression: what the transformer must beat to be worth its seconds.

Words and pairs of words for text with spaces, one to three characters for Chinese; the strength of regularisation is
chosen on the dev part.
"""

from collections.abc import Sequence
from typing import Any, Final

from model.datasets import Row
from model.errors import EngineError

STRENGTHS: Final = (1.0, 4.0, 16.0)


def fitted_baseline(train: Sequence[Row], dev: Sequence[Row]) -> Any:
    """Fit on train and choose on dev: a pipeline of scikit-learn, from texts to labels; rows have one label each.

    Raises:
        EngineError: scikit-learn is not installed.
    """
    try:
        from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    except ImportError as error:
        raise EngineError("the baseline needs scikit-learn: pip install 'yuqing[train]'") from error
    vectors = _vectorizer(train)
    features, labels = vectors.fit_transform([row.text for row in train]), [row.names[0] for row in train]
    candidates = [_regression(strength).fit(features, labels) for strength in STRENGTHS]
    seen, truth = vectors.transform([row.text for row in dev]), [row.names[0] for row in dev]
    best = max(candidates, key=lambda one: float(one.score(seen, truth))) if dev else candidates[1]
    return make_pipeline(vectors, best)


def baseline_answers(train: Sequence[Row], dev: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Fit on train, choose on dev, and answer the test rows, in order; rows have one label each.

    Raises:
        EngineError: scikit-learn is not installed.
    """
    return [str(answer) for answer in fitted_baseline(train, dev).predict([row.text for row in test])]


def baseline_accuracy(train: Sequence[Row], dev: Sequence[Row], test: Sequence[Row]) -> float:
    """The share of test rows that the baseline answers right, 0 to 1."""
    answers = baseline_answers(train, dev, test)
    return sum(answer == row.names[0] for answer, row in zip(answers, test, strict=True)) / len(test)


def baseline_model(rows: Sequence[Row]) -> Any:
    """The untrained baseline for rows like these: a pipeline of scikit-learn, from texts to labels.

    Raises:
        EngineError: scikit-learn is not installed.
    """
    try:
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise EngineError("the baseline needs scikit-learn: pip install 'yuqing[train]'") from error
    return make_pipeline(_vectorizer(rows), _regression(STRENGTHS[1]))


def _vectorizer(rows: Sequence[Row]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

    text = "".join(row.text for row in rows[:200])
    chinese = sum("一" <= character <= "鿿" for character in text) > 0.2 * len(text)
    if chinese:
        return TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2)
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    return LogisticRegression(C=strength, max_iter=400)
