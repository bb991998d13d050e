"""An explanation points at places of the original text, costs no more than it says, and tells the truth."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.classifier import Classifier, Prediction, Tokens
from model.errors import ConfigError
from model.explanation import explain, probabilities
from model.faithfulness import faithfulness
from model.words import Unit, units_of, windows, without

NEGATIVE = [
    "Harbourline Bank shares plunge as regulators open a fraud investigation into its lending",
    "Northmere Foods warns of a deep loss after recalls and will cut two thousand jobs",
    "Creditors force Alder Shipping into bankruptcy after it failed to repay its bonds",
    "Rating agency cuts Quillon Motors to junk as sales collapse in every market",
    "Oakfield Pharma stock tumbles after regulators reject its drug over safety concerns",
    "Profit at Tamsin Retail slumped by half because demand fell sharply in the quarter",
    "Brightwell Energy suspends its dividend after a disastrous quarter of heavy losses",
    "Police raid offices of Kestrel Capital over suspected accounting fraud",
    "松柏银行因涉嫌财务造假被立案调查，股价跌停",
    "云岭药业预计全年巨额亏损，并将大幅裁员",
    "海棠地产未能按期兑付债券，已构成违约",
    "青石科技实际控制人涉嫌诈骗被警方带走",
]


class Counting:
    """A model that is sure of bad news to the degree that it finds 'loss' and 亏损, reads 12 words or characters, and
    counts what it is asked."""

    version = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: list[str], *, toward: list[str | None] | None = None) -> list[Tokens]:
        return [Tokens([hash(text[u.start : u.end]) for u in units_of(text)[:12]]) for text in texts]

    def predict(self, texts: list[str], *, toward: list[str | None] | None = None) -> list[Prediction]:
        self.asked += texts
        clauses = [_about(text, entity) for text, entity in zip(texts, toward or [None] * len(texts), strict=True)]
        found = [0.1 + 0.4 * ("loss" in clause.split()) + 0.3 * ("亏损" in clause) for clause in clauses]
        return [Prediction(one, 1 - one, 0.0, (), ()) for one in found]


def _about(text: str, entity: str | None) -> str:
    """The clauses of a text that name an entity; without one the whole text."""
    return "; ".join(clause for clause in text.split(";") if entity is None or entity in clause)


@given(st.text(max_size=60))
def test_units_cover_everything_but_white_space_in_order(text: str) -> None:
    units = units_of(text)
    covered = {place for unit in units for place in range(unit.start, unit.end)}
    assert covered >= {place for place, letter in enumerate(text) if not letter.isspace()}
    assert all(first.end <= second.start for first, second in itertools.pairwise(units))


def test_words_numbers_and_signs_stay_whole_and_chinese_is_cut_by_characters() -> None:
    text = "AT&T's Q3 loss of $1,200.50 (-3.5%) 亏损扩大!!"
    assert [text[u.start : u.end] for u in units_of(text)] == [
        "AT&T's", "Q3", "loss", "of", "$1,200.50", "(-", "3.5%", ")", "亏", "损", "扩", "大", "!!",
    ]  # fmt: skip


def test_what_is_taken_out_leaves_its_neighbours_apart() -> None:
    text = "big loss now 亏损扩大"
    units = units_of(text)
    assert without(text, [units[1]]).split() == ["big", "now", "亏损扩大"]
    assert without(text, [units[4], units[3]]) == "big loss now 扩大"
    assert without(text, units).split() == []


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 50))
def test_windows_keep_to_the_most_and_cover_every_unit(joined: list[bool], most: int) -> None:
    found = windows([Unit(place, place + 1, one) for place, one in enumerate(joined)], most)
    assert len(found) <= most
    assert {place for span in found for place in span} == set(range(len(joined)))


def test_characters_go_in_pairs_and_words_alone() -> None:
    assert windows(units_of("银行亏损 hits 高"), 9) == [range(2), range(1, 3), range(2, 4), range(4, 5), range(5, 6)]


def test_the_attribution_is_the_fall_of_the_probability() -> None:
    found = explain(Counting(), "Bank reports a loss today")
    assert found.probability == pytest.approx(0.5)
    assert {token.text: round(token.attribution, 6) for token in found.tokens} == {
        "Bank": 0.0, "reports": 0.0, "a": 0.0, "loss": 0.4, "today": 0.0,
    }  # fmt: skip
    (top,) = found.top(1)
    assert (top.start, top.end) == (15, 19)


def test_on_the_scale_of_log_odds_it_is_their_fall() -> None:
    (top,) = explain(Counting(), "Bank reports a loss today", scale="log-odds").top(1)
    assert (top.text, top.attribution) == ("loss", pytest.approx(np.log(0.5 / 0.5) - np.log(0.1 / 0.9)))


def test_log_odds_tell_words_apart_where_the_probability_hardly_falls(classifier: Classifier) -> None:
    text = " ".join(NEGATIVE[:3])
    found = explain(classifier, text, scale="log-odds")
    assert found.scale == "log-odds"
    assert found.top(1)[0].attribution > explain(classifier, text).top(1)[0].attribution > 0


def test_both_characters_of_a_chinese_word_stand_out() -> None:
    found = explain(Counting(), "公司亏损扩大")
    assert "".join(sorted(token.text for token in found.top(2))) == "亏损"
    assert found.probability == pytest.approx(0.4)


@pytest.mark.parametrize(("toward", "named"), [("Alder", []), ("Birch", ["Birch", "loss"]), (None, ["loss"])])
def test_toward_a_company_its_own_bad_news_counts(toward: str | None, named: list[str]) -> None:
    found = explain(Counting(), "Alder pays out; Birch reports a loss", toward=toward)
    assert found.toward == toward
    assert [token.text for token in found.tokens if token.attribution > 0.1] == named


def test_the_probability_toward_a_company_is_the_classifiers(classifier: Classifier) -> None:
    text = "bank profit, court loss and fraud " + "shares rise " * 30
    for target in ("negative", "dividend"):
        found, whole = (explain(classifier, text, target, toward=name, budget=8) for name in ("court", None))
        (expected,) = probabilities(classifier, [text], target, toward=["court"])
        assert found.probability == pytest.approx(expected, rel=0.01, abs=0)
        assert found.probability != pytest.approx(whole.probability, rel=0.1, abs=0)
        assert 0 < len(found.tokens) < len(whole.tokens), "the name takes room that the text then has not"
    (asked,) = classifier.predict([text], toward=["court"])
    assert explain(classifier, text, toward="court").probability == pytest.approx(asked.negative, rel=0.01, abs=0)


def test_one_call_asks_no_more_than_the_budget_whatever_the_length() -> None:
    model = Counting()
    words = " ".join(f"w{number}" for number in range(12))
    found = explain(model, words + " loss of words that nobody reads" * 3000, budget=5)
    assert len(model.asked) == found.texts <= 5
    assert len(found.tokens) == 12, "the model reads 12 words"
    assert len(explain(Counting(), "one loss after another").tokens) == 4


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_nothing_to_read_is_explained_by_nothing(text: str) -> None:
    found = explain(Counting(), text)
    assert (found.tokens, found.texts, found.top(3)) == ((), 1, [])


def test_an_unknown_target_or_a_budget_for_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no target 'gloomy'; there are negative"):
        explain(Counting(), "loss", "gloomy")
    with pytest.raises(ConfigError, match="2 or more"):
        explain(Counting(), "loss", budget=1)


@given(st.text(max_size=200))
@settings(max_examples=25)
def test_any_string_has_an_explanation_with_spans_of_its_own(classifier: Classifier, text: str) -> None:
    found = explain(classifier, text)
    assert found.texts <= 64
    assert all(text[token.start : token.end] == token.text for token in found.tokens)
    assert found.probability == pytest.approx(classifier.predict([text])[0].negative, abs=1e-4)


def test_a_topic_can_be_asked_about(classifier: Classifier) -> None:
    text = "cedar amber raises its dividend ocean ridge"
    found = explain(classifier, text, "dividend")
    assert found.probability == pytest.approx(probabilities(classifier, [text], "dividend")[0])
    assert found.probability > 0.5
    assert "dividend" in [token.text for token in found.top(3)]


def test_the_committed_model_is_moved_more_by_what_explanations_name_than_by_chance() -> None:
    model = Classifier.load(threads=1)
    for k in (2, 4):
        measured = faithfulness(model, NEGATIVE, k=k, rng=np.random.default_rng(1))
        assert measured.texts == len(NEGATIVE)
        assert measured.top > 2 * max(measured.random, 0)
        assert measured.p_value < 0.01


def test_explanations_that_name_words_by_chance_are_found_out() -> None:
    model, rng = Classifier.load(threads=1), np.random.default_rng(2)

    def by_chance(classifier: Classifier, text: str, target: str, *, toward: str | None):
        found = explain(classifier, text, target, toward=toward, budget=2)
        tokens = tuple(msgspec.structs.replace(one, attribution=float(rng.random())) for one in found.tokens)
        return msgspec.structs.replace(found, tokens=tokens)

    measured = faithfulness(model, NEGATIVE, rng=np.random.default_rng(3), explained=by_chance)
    assert measured.p_value > 0.01


def test_faithfulness_toward_companies_is_measured_by_questions_about_them() -> None:
    texts = [f"Alder pays out {word} today; Birch reports a loss" for word in ("more", "less", "cash", "twice")]
    for name, fall in (("Birch", 0.4), ("Alder", 0.0)):
        measured = faithfulness(Counting(), texts, toward=[name] * 4, k=2, rng=np.random.default_rng(5))
        assert measured.top == pytest.approx(fall)


def test_texts_of_a_few_words_cannot_be_measured() -> None:
    with pytest.raises(ConfigError, match="more than 3 tokens"):
        faithfulness(Counting(), ["heavy loss"], rng=np.random.default_rng(0))
