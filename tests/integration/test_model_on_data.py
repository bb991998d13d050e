"""The committed weights on the public data, on texts that training never saw, against what was promised.

The data lies beside the checkout and is not part of it; where it is absent these tests skip.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from model import Classifier
from model.artefact import COMMITTED
from model.baseline import baseline_accuracy
from model.datasets import Row, document_rows, read_rows, split_rows, task_of_rows
from model.evaluation import Report, evaluate

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "data" / "labelled"
PHRASEBANK, FORUM_ZH = "financial_phrasebank", "finfe_zh_sentiment"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not LABELLED.is_dir(), reason="the labelled data is not beside this checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


def _split(name: str, seed: int) -> tuple[list[Row], list[Row], list[Row]]:
    found = split_rows(read_rows(LABELLED / f"{name}.jsonl"), seed=seed)
    return document_rows(found["train"]), document_rows(found["dev"]), document_rows(found["test"])


def _seed(classifier: Classifier) -> int:
    return int(classifier.manifest.training["seed"])


def _measured(classifier: Classifier, name: str) -> Report:
    _, _, test = _split(name, _seed(classifier))
    return evaluate(classifier, test, task_of_rows(test))


def test_english_news_is_judged_well(classifier: Classifier) -> None:
    report = _measured(classifier, PHRASEBANK)
    assert report.rows > 300
    assert report.accuracy > 0.82
    assert report.macro_f1 > 0.80


def test_a_headline_is_judged_toward_each_company_it_names(classifier: Classifier) -> None:
    test = split_rows(read_rows(LABELLED / "sentfin_entity.jsonl"), seed=_seed(classifier))["test"]
    report = evaluate(classifier, test, task_of_rows(test))
    assert report.accuracy > 0.79


def test_tweets_get_their_topic(classifier: Classifier) -> None:
    report = _measured(classifier, "twitter_financial_topic")
    assert report.accuracy > 0.87
    assert report.macro_f1 > 0.83


def test_chinese_posts_are_judged_well(classifier: Classifier) -> None:
    report = _measured(classifier, FORUM_ZH)
    assert report.rows > 800
    assert report.accuracy > 0.70


def test_the_transformer_beats_tf_idf_on_english_news(classifier: Classifier) -> None:
    train, dev, test = _split(PHRASEBANK, _seed(classifier))
    ours = evaluate(classifier, test, task_of_rows(test)).accuracy
    assert ours > baseline_accuracy(train, dev, test) + 0.06


def test_probabilities_can_be_taken_at_their_word(classifier: Classifier) -> None:
    assert (_measured(classifier, PHRASEBANK).calibration_error or 0) < 0.1


def test_the_manifest_states_what_is_measured(classifier: Classifier) -> None:
    stated = classifier.manifest.metrics[PHRASEBANK]
    found = _measured(classifier, PHRASEBANK)
    assert found.rows == stated["rows"]
    # int8 rounding differs by processor: a few rows of several hundred may tip over
    assert found.accuracy == pytest.approx(stated["accuracy"], abs=0.01)


def test_the_committed_model_is_small() -> None:
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*")) < 60e6
