"""A batch with bad items in it: each bad one fails alone, and every other is answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.isolation import each


@given(items=st.lists(st.integers(-5, 50), max_size=40))
def test_each_item_gets_its_answer_or_its_own_failure(items: list[int]) -> None:
    def root(batch: Sequence[int]) -> list[int]:
        for item in batch:
            if item < 0:
                raise ValueError(str(item))
        return [item * 2 for item in batch]

    answers = each(root, items)
    assert len(answers) == len(items)
    for item, answer in zip(items, answers, strict=True):
        if item < 0:
            assert isinstance(answer, ValueError)
            assert str(answer) == str(item)
        else:
            assert answer == item * 2


def test_a_service_that_is_away_is_no_items_fault() -> None:
    def away(_: Sequence[int]) -> list[int]:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        each(away, [1, 2], passing=(ConnectionError,))


def test_answers_that_do_not_match_the_items_are_an_error_not_a_mixup() -> None:
    with pytest.raises(ValueError, match="1 answers to 2 items"):
        each(lambda _: [1], [1, 2])
