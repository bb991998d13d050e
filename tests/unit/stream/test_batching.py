"""A batch fills its token budget, or goes when the first deadline comes; nobody waits for ever; little is padding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.batching import Batcher

NOON = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)
DEADLINE = timedelta(milliseconds=25)


def after(milliseconds: float) -> datetime:
    return NOON + timedelta(milliseconds=milliseconds)


def batcher(budget: int = 100) -> Batcher[str]:
    return Batcher(token_budget=budget, deadline=DEADLINE)


def test_a_lone_document_goes_at_its_deadline_and_not_before() -> None:
    waiting = batcher()
    waiting.add("lone", tokens=10, arrived_at=NOON, now=after(5))
    assert not waiting.due(after(24))
    assert waiting.due(after(25))
    assert waiting.due_at() == after(25)
    assert waiting.take(after(25)).items == ("lone",)


def test_nothing_is_due_while_nothing_waits() -> None:
    waiting = batcher()
    assert not waiting.due(NOON)
    assert waiting.due_at() is None
    assert waiting.take(NOON).items == ()


def test_a_full_budget_goes_at_once() -> None:
    waiting = batcher(budget=100)
    for name in "abcd":
        waiting.add(name, tokens=25, arrived_at=NOON, now=NOON)
    assert waiting.due(NOON)
    assert waiting.take(NOON).items == ("a", "b", "c", "d")


def test_a_broker_clock_that_runs_ahead_makes_nobody_wait() -> None:
    waiting = batcher()
    waiting.add("from the future", tokens=1, arrived_at=NOON + timedelta(hours=1), now=NOON)
    assert waiting.due(after(25))


def test_what_arrived_long_ago_is_due_at_once() -> None:
    waiting = batcher()
    waiting.add("backlog", tokens=1, arrived_at=NOON - timedelta(hours=1), now=NOON)
    assert waiting.due(NOON)


def test_the_budget_counts_padding() -> None:
    waiting = batcher(budget=100)
    for name, tokens in (("short", 10), ("long", 40), ("longer", 50)):
        waiting.add(name, tokens=tokens, arrived_at=NOON, now=NOON)
    # Three together would be padded to 150.
    batch = waiting.take(NOON)
    assert batch.items == ("short", "long")
    assert batch.padded_tokens == 80
    assert batch.real_tokens == 50


def test_the_first_due_takes_those_nearest_in_length_with_it() -> None:
    waiting = batcher(budget=100)
    waiting.add("first", tokens=30, arrived_at=NOON, now=NOON)
    waiting.add("tiny", tokens=1, arrived_at=after(1), now=after(1))
    waiting.add("alike", tokens=33, arrived_at=after(2), now=after(2))
    waiting.add("alike too", tokens=28, arrived_at=after(3), now=after(3))
    assert waiting.take(after(25)).items == ("alike too", "first", "alike")
    assert waiting.take(after(26)).items == ("tiny",)


def test_a_document_beyond_the_budget_goes_alone() -> None:
    waiting = batcher(budget=100)
    waiting.add("novel", tokens=500, arrived_at=NOON, now=NOON)
    waiting.add("note", tokens=5, arrived_at=after(1), now=after(1))
    assert waiting.take(after(1)).items == ("novel",)


def test_a_batch_tells_how_long_each_has_waited() -> None:
    waiting = batcher()
    waiting.add("early", tokens=5, arrived_at=NOON, now=NOON)
    waiting.add("late", tokens=5, arrived_at=NOON, now=after(10))
    assert waiting.take(after(30)).waited == (timedelta(milliseconds=30), timedelta(milliseconds=20))


def test_a_budget_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="token_budget"):
        batcher(budget=0)


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=60),
    budget=st.integers(1, 1000),
)
def test_every_document_goes_exactly_once_and_within_the_budget(lengths: list[int], budget: int) -> None:
    waiting: Batcher[int] = Batcher(token_budget=budget, deadline=DEADLINE)
    for number, tokens in enumerate(lengths):
        waiting.add(number, tokens=tokens, arrived_at=after(number), now=after(number))
    gone: list[int] = []
    while len(waiting):
        oldest = min(set(range(len(lengths))) - set(gone))
        batch = waiting.take(after(10_000))
        assert oldest in batch.items
        assert len(batch.items) == 1 or batch.padded_tokens <= budget
        assert batch.real_tokens == sum(lengths[number] for number in batch.items) <= batch.padded_tokens
        assert [lengths[number] for number in batch.items] == sorted(lengths[number] for number in batch.items)
        gone += batch.items
    assert sorted(gone) == list(range(len(lengths)))
    assert waiting.waiting_tokens == 0
