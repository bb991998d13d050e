"""How far a measurement may be off, and what it is on parts of the rows: against other ways to the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from model.answers import Answers, about_entities
from model.comparison import mcnemar
from model.datasets import Row
from model.intervals import intervals
from model.measures import macro_f1, reliability
from model.slices import length_name, slices
from model.tasks import NEWSFLASH_TOPICS, POLARITY, SENTIMENT

NAMES = ("negative", "neutral", "positive")


def answers(truths: Sequence[int], given: Sequence[int], texts: Sequence[str] = (), length: int = 9) -> Answers:
    rows = tuple(Row(text, NAMES[t]) for t, text in zip(truths, texts or map(str, range(len(truths))), strict=True))
    one_hot = np.eye(3, dtype=np.bool_)
    truth, answer = one_hot[list(truths)], one_hot[list(given)]
    chances = np.where(answer, 0.8, 0.1)
    return Answers(SENTIMENT, rows, NAMES, truth, answer, chances, (length,) * len(rows), False, 1.0)


def noisy(count: int, seed: int = 0) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(seed)
    truths = rng.integers(0, 3, count)
    given = np.where(rng.random(count) < 0.7, truths, rng.integers(0, 3, count))
    return truths.tolist(), given.tolist()


def test_the_multinomial_shortcut_is_scipys_row_by_row_bootstrap() -> None:
    truths, given = noisy(300)
    ours = intervals(answers(truths, given), resamples=4000)

    def accuracy(t: np.ndarray, g: np.ndarray) -> float:
        return float((t == g).mean())

    def macro(t: np.ndarray, g: np.ndarray) -> float:
        return float(f1_score(t, g, average="macro"))

    data = (np.array(truths), np.array(given))
    for statistic, found, resamples in ((accuracy, ours.accuracy, 4000), (macro, ours.macro_f1, 600)):
        theirs = bootstrap(
            data, statistic, paired=True, vectorized=False, n_resamples=resamples, method="percentile", rng=1
        ).confidence_interval
        assert found.low == pytest.approx(theirs.low, abs=0.012)
        assert found.high == pytest.approx(theirs.high, abs=0.012)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
@settings(max_examples=30)
def test_macro_f1_is_scikit_learns_and_lies_within_zero_and_one(pairs: list[tuple[int, int]]) -> None:
    one = answers([t for t, _ in pairs], [g for _, g in pairs])
    expected = f1_score([t for t, _ in pairs], [g for _, g in pairs], average="macro", zero_division=0)
    assert macro_f1(one.truths, one.given) == pytest.approx(expected)
    found = intervals(one, resamples=100)
    for bounds in (found.accuracy, found.macro_f1):
        assert 0 <= bounds.low <= bounds.high <= 1


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    one = answers(*noisy(80))
    assert intervals(one, seed=5) == intervals(one, seed=5)
    assert intervals(one, seed=5) != intervals(one, seed=6)


def test_more_rows_narrow_the_interval_but_copies_of_one_text_do_not() -> None:
    truths, given = noisy(50)
    few = intervals(answers(truths, given))
    many = intervals(answers(*noisy(800)))
    assert many.accuracy.high - many.accuracy.low < (few.accuracy.high - few.accuracy.low) / 2
    # Four rows of each of fifty texts know no more than fifty rows.
    copied = intervals(answers(truths * 4, given * 4, [f"text {n}" for n in range(50)] * 4))
    assert copied.texts == 50
    assert copied.accuracy == few.accuracy


def test_a_perfect_answer_is_certain() -> None:
    found = intervals(answers([0, 1, 2], [0, 1, 2]))
    assert (found.accuracy.low, found.accuracy.high) == (1.0, 1.0)


def test_several_topics_a_row_have_intervals_too() -> None:
    rng = np.random.default_rng(3)
    names = NEWSFLASH_TOPICS.topics
    truths = rng.random((60, len(names))) < 0.2
    given = truths ^ (rng.random(truths.shape) < 0.05)
    rows = tuple(Row(str(n), None, ("大盘",)) for n in range(60))
    one = Answers(NEWSFLASH_TOPICS, rows, names, truths, given, truths * 0.9, (5,) * 60, False, 1.0)
    found = intervals(one)
    assert found.accuracy.low < one.right.mean() < found.accuracy.high
    assert found.macro_f1.low < macro_f1(truths, given) < found.macro_f1.high


@pytest.mark.parametrize(("tokens", "name"), [(1, "1-16"), (16, "1-16"), (17, "17-32"), (64, "33-64"), (65, "65+")])
def test_lengths_fall_into_fixed_bins(tokens: int, name: str) -> None:
    assert length_name(tokens) == name


def test_slices_part_the_rows_by_language_and_add_up() -> None:
    truths, given = [0, 0, 2, 2], [0, 0, 0, 2]
    found = slices(answers(truths, given, ["shares fall", "loss", "公司盈利", "股价上涨"]), resamples=100)
    assert {name: part.rows for name, part in found["language"].items()} == {"en": 2, "zh": 2}
    assert found["language"]["en"].accuracy == 1.0
    assert found["language"]["zh"].accuracy == 0.5
    assert list(found["length"]) == ["1-16"]
    assert sum(part.rows for part in found["length"].values()) == 4


def test_mcnemar_counts_only_where_the_models_differ() -> None:
    ours = np.array([True] * 10 + [False] * 2 + [True] * 50)
    theirs = np.array([False] * 10 + [True] * 2 + [True] * 50)
    found = mcnemar(ours, theirs, "other")
    assert (found.only_ours, found.only_theirs) == (10, 2)
    # two-sided binomial: 2 * (C(12,0) + C(12,1) + C(12,2)) / 2**12
    assert found.p_value == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert mcnemar(theirs, ours, "other").p_value == pytest.approx(found.p_value)
    assert mcnemar(ours, ours, "itself").p_value == 1.0


def test_reliability_bins_hold_every_row_once() -> None:
    bins = reliability(np.array([0.05, 0.55, 0.58, 1.0]), np.array([False, True, False, True]))
    assert [(one.low, one.high, one.rows) for one in bins] == [(0.0, 0.1, 1), (0.5, 0.6, 2), (0.9, 1.0, 1)]
    assert bins[1].accuracy == 0.5
    assert bins[1].confidence == pytest.approx(0.565)


def test_rows_ask_about_entities_only_where_a_text_names_two() -> None:
    two = [Row("A beats B", "positive", entity="A"), Row("A beats B", "negative", entity="B")]
    assert about_entities(two, SENTIMENT)
    assert not about_entities(two[:1], SENTIMENT)
    assert not about_entities([*two, Row("other", "neutral")], SENTIMENT)
    assert not about_entities([Row("x", "positive", entity="A"), Row("y", "negative", entity="B")], POLARITY)
