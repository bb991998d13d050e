"""Sentences spliced out of known ones: every three words in a row were in a row before, and no label comes along."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from model.datasets import Example
from model.labels import TOPIC_IDS
from model.splicing import LONGEST, spliced
from model.splits import normalise

NONE = np.zeros(len(TOPIC_IDS), dtype=np.float32)
TEXTS = (
    "Operating profit rose to EUR five million in the second quarter",
    "Operating profit fell to EUR nine million in the whole year",
    "Net sales rose to EUR nine million from EUR five million",
    "The dividend rose to EUR two in the whole year",
)


def _example(text: str, source: str = "news", entity: str | None = None) -> Example:
    return Example(text, source, (0,), (0, 1, 2), NONE, NONE, False, entity=entity)


def _threes(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


LEARNED = [_example(text) for text in TEXTS]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_comes_out_is_new_and_made_of_what_was_there(seed: int) -> None:
    found = spliced(LEARNED, {"news": 20}, taken=(), seed=seed)
    known = set().union(*(_threes(text) for text in TEXTS))
    assert found
    assert all(_threes(one.text) <= known for one in found)
    names = [normalise(one.text) for one in found]
    assert len(set(names)) == len(names)
    assert not set(names) & {normalise(text) for text in TEXTS}


def test_it_has_no_label_and_a_set_of_its_own() -> None:
    for one in spliced(LEARNED, {"news": 5}, taken=(), seed=0):
        assert (one.source, one.allowed, one.considered, one.entity) == ("spliced", (), (), None)
        assert not one.mask.any()


def test_the_same_seed_gives_the_same_sentences() -> None:
    first, again, other = (spliced(LEARNED, {"news": 5}, taken=(), seed=seed) for seed in (0, 0, 1))
    assert [one.text for one in first] == [one.text for one in again]
    assert [one.text for one in first] != [one.text for one in other]


def test_held_back_texts_do_not_come_out() -> None:
    first = spliced(LEARNED, {"news": 20}, taken=(), seed=0)
    taken = {normalise(one.text) for one in first[:3]}
    rest = spliced(LEARNED, {"news": 20}, taken=taken, seed=0)
    assert not {normalise(one.text) for one in rest} & taken


def test_only_whole_texts_of_the_sets_that_are_named_are_walked_through() -> None:
    others = [_example("Shares of one company slid to zero today", "tweets"), _example(TEXTS[0], entity="Acme")]
    assert spliced(others, {"news": 9}, taken=(), seed=0) == []
    mixed = spliced([*LEARNED, *others], {"news": 9, "tweets": 0}, taken=(), seed=0)
    assert all("slid" not in one.text for one in mixed)


def test_a_walk_in_circles_ends() -> None:
    circle = " ".join(["up", "and", "down"] * 20)
    found = spliced([_example(circle), _example(circle + " it goes")], {"news": 10}, taken=(), seed=0)
    assert all(len(one.text.split()) <= LONGEST for one in found)
    assert all(pair in {("up", "and"), ("and", "down"), ("down", "up"), ("down", "it"), ("it", "goes")}
               for one in found for pair in pairwise(one.text.split()))  # fmt: skip


def test_texts_of_two_words_give_nothing() -> None:
    assert spliced([_example("Profit up"), _example("Profit down")], {"news": 10}, taken=(), seed=0) == []
