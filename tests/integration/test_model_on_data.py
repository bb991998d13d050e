"""The committed weights on the public data, on texts that training never saw, against what was promised.

The data lies beside the checkout and is not part of it; where it is absent these tests skip.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from model import Classifier
from model.answers import about_entities
from model.artefact import COMMITTED
from model.baseline import baseline_accuracy
from model.datasets import Row, document_rows, read_rows, split_rows, task_of_rows
from model.evaluation import Report, evaluate
from model.splits import Part

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "data" / "labelled"
PHRASEBANK, FORUM_ZH, TWEETS = "financial_phrasebank", "finfe_zh_sentiment", "twitter_financial_sentiment"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not LABELLED.is_dir(), reason="the labelled data is not beside this checkout (../shared/data)"),
]


@cache
def _classifier(wide: bool = True) -> Classifier:
    return Classifier.load(wide=wide)


@cache
def _parts(name: str) -> dict[Part, list[Row]]:
    return split_rows(read_rows(LABELLED / f"{name}.jsonl"), seed=int(_classifier().manifest.training["seed"]))


@cache
def _measured(name: str, wide: bool = True) -> Report:
    """Rows of the test part; where they ask about entities, all of them, otherwise one of each text."""
    test = _parts(name)["test"]
    task = task_of_rows(test)
    return evaluate(_classifier(wide), test if about_entities(test, task) else document_rows(test), task)


def _short(accuracy: float, macro_f1: float) -> pytest.MarkDecorator:
    return pytest.mark.xfail(
        strict=True, reason=f"promised, not reached: {accuracy} / {macro_f1}, see decisions 0012 and 0032"
    )


# Accuracy and macro-F1 that were promised of the int8 model; 0 where nothing was promised.
@pytest.mark.parametrize(
    ("name", "accuracy", "macro_f1"),
    [
        pytest.param(PHRASEBANK, 0.870, 0.855, marks=_short(0.870, 0.855)),
        pytest.param(TWEETS, 0.875, 0.84, marks=_short(0.875, 0.84)),
        ("twitter_financial_topic", 0.88, 0.85),
        ("sentfin_entity", 0.83, 0),
        ("finnsp_zh_negative", 0.955, 0),
        ("finese_zh_risk_event", 0.88, 0),
        (FORUM_ZH, 0.73, 0.67),
    ],
)
def test_texts_that_training_never_saw_are_judged_as_promised(name: str, accuracy: float, macro_f1: float) -> None:
    report = _measured(name)
    assert report.rows > (800 if name == FORUM_ZH else 400)
    assert report.accuracy >= accuracy
    assert report.macro_f1 >= macro_f1


def test_english_news_is_judged_well() -> None:
    report = _measured(PHRASEBANK)
    assert report.accuracy > 0.82
    assert report.macro_f1 > 0.80


def test_the_transformer_beats_tf_idf_on_english_news() -> None:
    train, dev, test = (document_rows(_parts(PHRASEBANK)[part]) for part in ("train", "dev", "test"))
    assert _measured(PHRASEBANK).accuracy > baseline_accuracy(train, dev, test) + 0.06


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            PHRASEBANK, marks=pytest.mark.xfail(strict=True, reason="promised, not reached: see decision 0032")
        ),
        FORUM_ZH,
        "sentfin_entity",
        "stockemotions",
        "finnsp_zh_negative",
        "finese_zh_risk_event",
        "twitter_financial_topic",
        TWEETS,
    ],
)
def test_probabilities_can_be_taken_at_their_word(name: str) -> None:
    error = _measured(name).calibration_error
    assert error is not None
    assert error <= 0.04


@pytest.mark.parametrize("name", [FORUM_ZH, TWEETS, "finnsp_zh_negative", "stockemotions", "finese_zh_risk_event"])
def test_n_grams_beside_the_encoder_make_it_better(name: str) -> None:
    assert _measured(name).accuracy > _measured(name, wide=False).accuracy + 0.01


def test_the_manifest_states_what_is_measured() -> None:
    stated = _classifier().manifest.metrics[PHRASEBANK]
    found = _measured(PHRASEBANK)
    assert found.rows == stated["rows"]
    # int8 rounding differs by processor: a few rows of several hundred may tip over
    assert found.accuracy == pytest.approx(stated["accuracy"], abs=0.01)


def test_the_committed_model_is_small() -> None:
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*")) < 60e6
