"""Measurements against numbers worked out by hand, and what is fitted on dev parts."""

from __future__ import annotations

import numpy as np
import pytest
from small_model import Built

from model.baseline import baseline_accuracy
from model.calibration import NEVER, SCARCE, fit_temperature, fit_thresholds, fit_topic_temperature
from model.classifier import Classifier
from model.datasets import Example, Row, examples, read_sets
from model.evaluation import all_logits, calibration_error, class_report, evaluate, label_probabilities
from model.labels import TOPIC_IDS, TOPIC_INDEX
from model.tasks import NEGATIVE, POLARITY, RISK_EVENT, SENTIMENT, TWITTER_TOPIC


def test_precision_recall_and_f1() -> None:
    report = class_report(np.array([True, True, False, False]), np.array([True, False, True, False]))
    assert (report.precision, report.recall, report.f1, report.support) == (0.5, 0.5, 0.5, 2)
    nothing = class_report(np.array([False]), np.array([False]))
    assert (nothing.precision, nothing.f1) == (0.0, 0.0)


def test_calibration_error_is_the_gap_between_claim_and_truth() -> None:
    sure = np.full(10, 0.95)
    assert calibration_error(sure, np.array([True] * 9 + [False])) == pytest.approx(0.05)
    assert calibration_error(np.array([1.0, 0.55]), np.array([True, False])) == pytest.approx(0.275)


def test_the_same_logits_answer_three_questions() -> None:
    logits, topics = np.log(np.array([[0.4, 0.3, 0.3]])), np.zeros((1, len(TOPIC_IDS)))
    three = label_probabilities(SENTIMENT, ["negative", "neutral", "positive"], logits, topics)
    assert three[0].tolist() == pytest.approx([0.4, 0.3, 0.3])
    assert label_probabilities(NEGATIVE, ["negative", "other"], logits, topics)[0].tolist() == pytest.approx([0.4, 0.6])
    polar = label_probabilities(POLARITY, ["negative", "positive"], logits, topics)[0]
    assert polar.tolist() == pytest.approx([4 / 7, 3 / 7])


def test_topics_compete_only_within_their_task() -> None:
    topics = np.zeros((1, len(TOPIC_IDS)))
    topics[0, TOPIC_INDEX["covid"]], topics[0, TOPIC_INDEX["ipo"]] = 50, 9
    names = list(TWITTER_TOPIC.labels)
    chances = label_probabilities(TWITTER_TOPIC, names, np.zeros((1, 3)), topics)
    assert names[chances[0].argmax()] == "ipo"
    assert chances.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["news", "posts", "zh_negative", "tweets", "zh_risk"])
def test_a_report_adds_up(built: Built, classifier: Classifier, name: str) -> None:
    task, rows = read_sets(built.data, seed=3)[name]
    report = evaluate(classifier, rows["test"], task)
    cells = [(truth, answer, n) for truth, row in report.confusion.items() for answer, n in row.items()]
    assert report.rows == len(rows["test"]) == sum(n for _, _, n in cells)
    assert report.accuracy == pytest.approx(sum(n for t, a, n in cells if t == a) / report.rows)
    assert sum(one.support for one in report.classes.values()) == report.rows
    assert report.macro_f1 == pytest.approx(np.mean([one.f1 for one in report.classes.values()]))
    assert report.texts_per_second > 0
    assert report.model_version == classifier.version


def test_the_small_model_has_learned_its_small_world(built: Built, classifier: Classifier) -> None:
    task, rows = read_sets(built.data, seed=3)["news"]
    assert evaluate(classifier, rows["test"], task).accuracy > 0.8


def test_several_topics_are_measured_one_by_one(built: Built, classifier: Classifier) -> None:
    task, rows = read_sets(built.data, seed=3)["zh_flash"]
    report = evaluate(classifier, rows["train"], task)
    assert report.calibration_error is None
    assert report.confusion == {}
    assert {"markets", "covid", "macro"} <= set(report.classes)
    assert report.macro_f1 > 0.5


def test_rows_with_other_labels_are_left_out(classifier: Classifier) -> None:
    rows = [Row("公司财务造假", "财务造假"), Row("公司", "写错")]
    assert evaluate(classifier, rows, RISK_EVENT).rows == 1


def _asked(count: int, allowed: int) -> list[Example]:
    return examples([Row(str(n), ("negative", "neutral", "positive")[allowed]) for n in range(count)], SENTIMENT, "set")


def test_an_overconfident_model_is_cooled() -> None:
    logits = np.tile([4.0, 0.0, 0.0], (100, 1))
    right_in_70 = _asked(70, 0) + _asked(15, 1) + _asked(15, 2)
    temperature = fit_temperature(logits, right_in_70)
    top = np.exp(4 / temperature) / (np.exp(4 / temperature) + 2)
    assert top == pytest.approx(0.7, abs=0.02)


def test_topics_of_which_each_text_has_one_are_cooled_likewise() -> None:
    chosen = examples([Row(str(n), "ipo" if n < 70 else "macro") for n in range(100)], TWITTER_TOPIC, "tweets")
    logits = np.full((100, len(TOPIC_IDS)), -100.0)
    logits[:, TOPIC_INDEX["ipo"]], logits[:, TOPIC_INDEX["macro"]] = 2.0, 0.0
    gap = 2 / fit_topic_temperature(logits, chosen)
    assert np.exp(gap) / (np.exp(gap) + 1) == pytest.approx(0.7, abs=0.03)


def test_without_sentiment_rows_temperature_stays_one() -> None:
    assert fit_temperature(np.zeros((1, 3)), examples([Row("x", "ipo")], TWITTER_TOPIC, "t")) == 1.0
    assert fit_topic_temperature(np.zeros((1, len(TOPIC_IDS))), examples([Row("x", "negative")], SENTIMENT, "t")) == 1.0


def test_a_threshold_lies_between_the_two_kinds_of_rows() -> None:
    chosen = examples([Row(str(n), "ipo" if n < 20 else "macro") for n in range(60)], TWITTER_TOPIC, "tweets")
    logits = np.full((60, len(TOPIC_IDS)), -5.0)
    logits[:20, TOPIC_INDEX["ipo"]] = -0.5
    limits = fit_thresholds(logits, chosen)
    assert 1 / (1 + np.exp(5)) < limits[TOPIC_INDEX["ipo"]] < 1 / (1 + np.exp(0.5))
    assert limits[TOPIC_INDEX["covid"]] == NEVER


def test_a_topic_with_few_rows_keeps_the_plain_threshold() -> None:
    chosen = examples([Row("a", "ipo"), Row("b", "macro")], TWITTER_TOPIC, "tweets")
    assert fit_thresholds(np.zeros((2, len(TOPIC_IDS))), chosen)[TOPIC_INDEX["ipo"]] == SCARCE


@pytest.mark.parametrize("name", ["news", "zh_risk"])
def test_the_baseline_reads_english_words_and_chinese_characters(built: Built, name: str) -> None:
    _, rows = read_sets(built.data, seed=3)[name]
    assert baseline_accuracy(rows["train"], rows["dev"], rows["test"]) > 0.8


def test_logits_come_in_the_order_of_texts(classifier: Classifier) -> None:
    texts = ["shares rise", "sold all, what a fraud, court, loss, bank", "x"]
    together, _ = all_logits(classifier, texts)
    apart = np.concatenate([all_logits(classifier, [text])[0] for text in texts])
    np.testing.assert_allclose(together, apart, atol=1e-4)
