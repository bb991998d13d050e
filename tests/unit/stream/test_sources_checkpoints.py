"""A checkpoint never says more than what the broker has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.checkpoints import AcknowledgedPrefix, CheckpointFile


@given(st.permutations(range(1, 9)), st.integers(0, 8))
def test_the_prefix_ends_before_the_first_line_that_is_not_acknowledged(order: list[int], settled: int) -> None:
    prefix = AcknowledgedPrefix(0)
    pending = {number: prefix.track(number) for number in range(1, 9)}
    moved = 0
    for number in order[:settled]:
        pending[number].settle(None)
        moved += prefix.advance()
    missing = set(range(1, 9)) - set(order[:settled])
    assert prefix.line == min(missing, default=9) - 1 == moved
    assert prefix.open == 8 - prefix.line
    assert prefix.failure is None


def test_a_refused_line_stops_the_prefix_and_says_why() -> None:
    prefix = AcknowledgedPrefix(0)
    first, second, third = (prefix.track(number) for number in (1, 2, 3))
    third.settle(None)
    second.settle(ValueError("no"))
    assert prefix.advance() == 0
    assert prefix.failure is None  # the first may still come
    first.settle(None)
    assert prefix.advance() == 1
    assert str(prefix.failure) == "no"


def test_a_line_that_was_not_published_after_all_is_forgotten() -> None:
    prefix = AcknowledgedPrefix(4)
    prefix.forget(prefix.track(5))
    assert (prefix.open, prefix.advance(), prefix.line) == (0, 0, 4)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "deep"
    CheckpointFile(folder, "abc", "news.jsonl").save(17)
    loaded = CheckpointFile(folder, "abc", "moved.jsonl").load()
    assert (loaded.line, loaded.done, loaded.file) == (17, False, "news.jsonl")
    assert CheckpointFile(folder, "other", "news.jsonl").load().line == 0


RUBBISH = (
    *(b"", b"{", b'{"line": "x"}', b'{"identity":"abc","file":"\xff"}', b'{"x":' * 100_000),
    *(b'{"identity":"abc","file":"","line":-2}', b'{"identity":"xyz","file":"","line":7}'),
)


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_an_unreadable_checkpoint_means_the_beginning(rubbish: bytes, tmp_path: Path) -> None:
    CheckpointFile(tmp_path, "abc", "news.jsonl").save(3)
    next(tmp_path.iterdir()).write_bytes(rubbish)
    assert CheckpointFile(tmp_path, "abc", "news.jsonl").load().line == 0
