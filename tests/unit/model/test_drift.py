"""Drift is found where a distribution moved, and found by chance no oftener than promised."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from model.drift import Limits, count_difference, sketch, vector_difference

RUNS = 300


def _counts(rng: np.random.Generator, size: int, shares: list[float]) -> Counter[str]:
    return Counter(str(one) for one in rng.choice(len(shares), size=size, p=shares))


def _vectors(rng: np.random.Generator, size: int, width: int = 12) -> np.ndarray:
    """Heavy-tailed and correlated, as logits are."""
    mix = np.random.default_rng(99).normal(size=(width, width))
    return rng.standard_t(5, size=(size, width)) @ mix


def test_the_index_is_that_of_the_textbook() -> None:
    found = count_difference({"a": 500, "b": 500}, {"a": 600, "b": 400})
    assert found.effect == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))
    assert found.p_value < 1e-4


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 400), min_size=1))
def test_counts_do_not_differ_from_themselves(counts: dict[str, int]) -> None:
    found = count_difference(counts, counts)
    assert found.effect == pytest.approx(0, abs=1e-9)
    assert found.p_value == pytest.approx(1)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 400), min_size=1),
    st.dictionaries(st.sampled_from("defghi"), st.integers(1, 400), min_size=1),
)
@settings(max_examples=50)
def test_any_counts_have_a_finite_index_and_a_p_value(first: dict[str, int], second: dict[str, int]) -> None:
    found = count_difference(first, second)
    assert found.effect >= 0
    assert np.isfinite(found.effect)
    assert 0 <= found.p_value <= 1


def test_a_class_that_was_never_seen_is_a_difference() -> None:
    found = count_difference({"a": 1000}, {"a": 500, "new": 500})
    assert found.effect > Limits().index
    assert found.p_value < 1e-9


def test_same_counts_are_called_different_no_oftener_than_promised() -> None:
    rng = np.random.default_rng(1)
    shares = list(rng.dirichlet(np.full(40, 0.3)))  # a few common topics, and many rare ones
    found = [count_difference(_counts(rng, 3000, shares), _counts(rng, 400, shares)) for _ in range(RUNS)]
    alarms = sum(one.p_value <= 0.05 for one in found)
    assert alarms <= binom.ppf(0.9999, RUNS, 0.05)
    assert alarms > 0, "a test that never errs sees nothing"


def test_same_vectors_are_called_different_no_oftener_than_promised() -> None:
    rng = np.random.default_rng(2)
    found = [vector_difference(sketch(_vectors(rng, 1000)), _vectors(rng, 300)) for _ in range(RUNS)]
    alarms = sum(one.p_value <= 0.05 for one in found)
    assert binom.ppf(0.0001, RUNS, 0.05) <= alarms <= binom.ppf(0.9999, RUNS, 0.05)
    assert np.median([one.effect for one in found]) < Limits().distance


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + 0.7 * x.std(axis=0),
        lambda x: 1.8 * x,
        lambda x: x * np.where(np.random.default_rng(3).random((len(x), 1)) < 0.4, -2.5, 1),
    ],
    ids=["moved", "spread", "a share of another kind"],
)
def test_vectors_that_moved_spread_or_are_mixed_with_others_are_found(change) -> None:
    rng = np.random.default_rng(4)
    reference = sketch(_vectors(rng, 2000))
    found = [vector_difference(reference, change(_vectors(rng, 400))) for _ in range(20)]
    assert sum(one.p_value < 0.002 and one.effect >= Limits().distance for one in found) >= 19


def test_the_effect_does_not_grow_with_the_number_of_documents() -> None:
    rng = np.random.default_rng(5)
    reference = sketch(_vectors(rng, 5000))
    few, many = (vector_difference(reference, _vectors(rng, size) + 0.5) for size in (500, 20_000))
    assert many.p_value < few.p_value
    assert many.effect == pytest.approx(few.effect, abs=0.05)


def test_a_sketch_of_fewer_vectors_than_it_has_numbers_finds_nothing() -> None:
    rng = np.random.default_rng(6)
    assert vector_difference(sketch(_vectors(rng, 15)), _vectors(rng, 300) + 9).p_value == 1.0
