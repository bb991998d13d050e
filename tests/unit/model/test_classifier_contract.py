"""What every caller may count on: any text has an answer, answers keep their order, probabilities sum to one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_model import Built, sentences

from model.classifier import MAX_TOPICS, Classifier, Prediction, Tokens, pack
from model.labels import SENTIMENTS, TOPIC_IDS, TOPIC_INDEX

TEXTS = ["shares rise", "公司股价下跌", "", "sold all, what a fraud", "bank raises its dividend " * 30, "🚀🚀🚀", "x"]
EXACT = 1e-4


def _near(one: Prediction, other: Prediction, tolerance: float = EXACT) -> bool:
    return all(abs(getattr(one, name) - getattr(other, name)) <= tolerance for name in SENTIMENTS)


def test_a_prediction_has_a_label_and_a_score() -> None:
    prediction = Prediction(0.7, 0.2, 0.1, ("macro",), (0.9,))
    assert prediction.label == "negative"
    assert prediction.score == pytest.approx(-0.6)
    assert Prediction(0.1, 0.2, 0.7, (), ()).label == "positive"
    with pytest.raises(AttributeError):
        prediction.negative = 0.0  # type: ignore[misc]


def test_what_was_learned_is_told(classifier: Classifier) -> None:
    """On sentences of the kinds it was trained on, in other words; which few it misses differs by machine."""
    good = _fresh(classifier, "{} profit hits a record, shares rise {}")
    bad = _fresh(classifier, "{} warns of a loss, shares fall {}")
    dividend = _fresh(classifier, "{} raises its dividend {}")
    right = [one.label == "positive" for one in good] + [one.label == "negative" for one in bad]
    assert sum(right) >= 0.9 * len(right)
    assert sum("dividend" in one.topics for one in dividend) >= 0.9 * len(dividend)


def _fresh(classifier: Classifier, template: str) -> list[Prediction]:
    return classifier.predict([str(row["text"]) for row in sentences(template, "", seed=1)])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=400))
def test_any_text_has_an_answer_that_sums_to_one(classifier: Classifier, text: str) -> None:
    (answer,) = classifier.predict([text])
    assert answer.negative + answer.neutral + answer.positive == pytest.approx(1)
    assert -1 <= answer.score <= 1
    assert len(answer.topics) == len(answer.topic_scores) <= MAX_TOPICS
    assert list(answer.topic_scores) == sorted(answer.topic_scores, reverse=True)
    assert set(answer.topics) <= set(TOPIC_IDS) - {"risk_other"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "🚀" * 50,
        "Ελληνικά ข้อความ हिन्दी",
        "a" * 100_000,
        " " * 100_000 + "loss",
        "股" * 100_000,
        "\x00\ud800\uffff",
    ],
    ids=["empty", "spaces", "emoji", "scripts", "one-long-word", "long-indent", "long-chinese", "not-characters"],
)
def test_odd_texts_have_an_answer(classifier: Classifier, text: str) -> None:
    (tokens,) = classifier.encode([text])
    assert 2 <= len(tokens) <= classifier.manifest.encoders["en"].max_tokens
    (answer,) = classifier.predict([text])
    assert answer.negative + answer.neutral + answer.positive == pytest.approx(1)


def test_only_the_beginning_of_a_long_text_counts(classifier: Classifier) -> None:
    head = "shares rise " * 40
    one, other = classifier.encode([head + "bank", head + "court " * 5000])
    assert one.ids == other.ids
    assert len(one) == classifier.manifest.encoders["en"].max_tokens


def test_order_and_company_do_not_matter(classifier: Classifier) -> None:
    alone = [classifier.predict([text])[0] for text in TEXTS]
    places = list(range(len(TEXTS)))
    random.Random(3).shuffle(places)
    for budget in (32, 4096):
        shuffled = classifier.predict([TEXTS[place] for place in places], token_budget=budget)
        assert all(_near(shuffled[at], alone[place]) for at, place in enumerate(places))


@pytest.fixture(scope="module")
def exact(built: Built) -> Classifier:
    return Classifier.load(built.folder, engine="torch", threads=1)


@settings(max_examples=25)
@given(texts=st.lists(st.sampled_from(TEXTS), max_size=12), budget=st.integers(1, 300))
def test_packing_never_changes_an_answer(classifier: Classifier, texts: list[str], budget: int) -> None:
    answers = classifier.predict(texts, token_budget=budget)
    assert len(answers) == len(texts)
    known = {text: classifier.predict([text])[0] for text in set(texts)}
    assert all(_near(answer, known[text]) for text, answer in zip(texts, answers, strict=True))


def test_the_torch_reference_agrees(exact: Classifier, classifier: Classifier) -> None:
    assert exact.engine_name == "torch-fp32-cpu"
    assert classifier.engine_name == "onnxruntime-int8-cpu"
    pairs = zip(exact.predict(TEXTS), classifier.predict(TEXTS), strict=True)
    assert all(_near(one, other, 0.1) for one, other in pairs)


def test_ten_thousand_texts_come_back_in_order(classifier: Classifier) -> None:
    texts = ["shares fall, loss" if place % 3 else "profit, shares rise" for place in range(10_000)]
    answers = classifier.predict(texts)
    assert len(answers) == 10_000
    assert [answer.label for answer in answers[:6]] == [answer.label for answer in answers[3:9]]


def test_nothing_gives_nothing(classifier: Classifier) -> None:
    assert classifier.predict([]) == []
    assert classifier.predict_tokens([]) == []


def test_each_language_has_its_encoder_and_a_batch_may_mix_them(classifier: Classifier) -> None:
    tokens = classifier.encode(["shares rise", "公司股价下跌"])
    assert [item.encoder for item in tokens] == ["en", "zh"]
    mixed, _ = classifier.logits(tokens)
    alone, _ = classifier.logits(tokens[1:])
    np.testing.assert_allclose(mixed[1:], alone, atol=EXACT)


def test_a_question_about_an_entity_is_another_text(classifier: Classifier) -> None:
    whole, asked = classifier.encode(["bank profit, court loss"] * 2, toward=[None, "bank"])
    assert asked.ids[-len(whole) + 1 :] == whole.ids[1:]
    assert len(asked) > len(whole)
    (long,) = classifier.encode(["shares rise " * 90], toward=["bank " * 900])
    assert len(long) == classifier.manifest.encoders["en"].max_tokens
    answers = classifier.predict(["bank profit, court loss"] * 2, toward=[None, "bank"])
    assert answers[0] != answers[1]


def test_a_batch_of_tokens_is_one_pass(classifier: Classifier) -> None:
    tokens = classifier.encode(TEXTS)
    assert [len(item) for item in tokens] == [len(item.ids) for item in tokens]
    assert len(classifier.predict_tokens(tokens)) == len(TEXTS)
    assert isinstance(tokens[0], Tokens)


@given(lengths=st.lists(st.integers(1, 128), max_size=60), budget=st.integers(1, 512))
def test_packs_hold_everything_once_within_the_budget(lengths: list[int], budget: int) -> None:
    groups = list(pack(lengths, budget))
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[place] for place in group) <= budget


def test_topics_pass_their_own_threshold_and_at_most_three_are_told(classifier: Classifier) -> None:
    logits = np.full((2, len(TOPIC_IDS)), -9.0, dtype=np.float32)
    logits[0, [TOPIC_INDEX[name] for name in ("dividend", "central_banks", "covid", "markets", "risk_other")]] = 9
    logits[0, TOPIC_INDEX["covid"]] = 10
    many, none = classifier.judge(np.zeros((2, 3), dtype=np.float32), logits)
    assert len(many.topics) == 3
    assert many.topics[0] == "covid"
    assert "risk_other" not in many.topics
    assert none.topics == ()


def test_probabilities_are_the_softmax_of_logits(classifier: Classifier) -> None:
    (answer,) = classifier.judge(
        np.array([[0.0, 0.0, 2.0]], dtype=np.float32), np.zeros((1, len(TOPIC_IDS)), np.float32)
    )
    expected = np.exp(2)
    assert answer.positive == pytest.approx(expected / (2 + expected))
