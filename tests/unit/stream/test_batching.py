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


def test_while_texts_come_fast_a_lone_one_waits_for_company_until_its_deadline() -> None:
    waiting = batcher()
    for number in range(5):
        waiting.add(f"text {number}", tokens=1, arrived_at=after(4 * number), now=after(4 * number))
    assert not waiting.due(after(16))
    assert waiting.due(after(25))


def test_while_texts_come_slowly_a_lone_one_goes_at_once() -> None:
    waiting = batcher()
    for second in range(3):
        now = after(1000 * second)
        waiting.add(f"text {second}", tokens=1, arrived_at=now, now=now)
        if second:
            assert waiting.due(now)
        waiting.take(now)


def test_texts_for_different_encoders_never_share_a_batch() -> None:
    waiting = batcher(budget=100)
    for number, encoder in enumerate(["en", "zh", "en", "zh"]):
        waiting.add(f"{encoder} {number}", tokens=10, arrived_at=after(number), now=after(number), encoder=encoder)
    assert waiting.take(after(30)).items == ("en 0", "en 2")
    assert waiting.take(after(30)).items == ("zh 1", "zh 3")


def test_live_texts_go_before_a_backfill_that_has_waited_longer() -> None:
    waiting = batcher(budget=10)
    waiting.add("old", tokens=10, arrived_at=NOON - timedelta(days=9), now=NOON, lane="backfill")
    waiting.add("new", tokens=10, arrived_at=after(1), now=after(1))
    assert waiting.take(after(26)).items == ("new",)
    assert waiting.take(after(26)).items == ("old",)


def test_a_backfill_goes_while_no_live_batch_is_due() -> None:
    waiting = batcher(budget=100)
    waiting.add("old", tokens=10, arrived_at=NOON - timedelta(days=9), now=NOON, lane="backfill")
    waiting.add("new", tokens=10, arrived_at=NOON, now=NOON)
    assert waiting.take(NOON).items == ("old",)


@given(live=st.integers(0, 60), history=st.integers(0, 60))
def test_a_backfill_gets_every_eighth_batch_while_live_texts_wait_and_no_more(live: int, history: int) -> None:
    waiting = batcher(budget=10)
    for lane, count in (("live", live), ("backfill", history)):
        for _ in range(count):
            waiting.add(lane, tokens=10, arrived_at=NOON, now=NOON, lane=lane)  # type: ignore[arg-type]
    order = [lane for _ in range(live + history) for lane in waiting.take(after(100)).items]
    turns = min(history, live // 7)
    assert order[: 8 * turns] == ([*["live"] * 7, "backfill"] * turns)
    rest = order[8 * turns :]
    assert rest == sorted(rest, reverse=True)


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
