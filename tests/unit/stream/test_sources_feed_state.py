"""What is known about feeds outlives the process, and does not grow without bound."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from source_doubles import NOON

from stream.sources.errors import SourceOptionsError
from stream.sources.feed_state import FeedMemory, FeedState

URL = "https://harbour.example/feed"


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


def test_what_is_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    state = FeedState(etag='"a"', last_modified="then", moved_to="https://new.example/", not_before=NOON, failures=2)
    with FeedMemory(tmp_path / "state") as memory:
        assert memory.load(URL) == FeedState()
        memory.save(URL, state, ids(1, 2))
    with FeedMemory(tmp_path / "state") as memory:
        assert memory.load(URL) == state
        assert memory.unseen(URL, ids(1, 2, 3)) == set(ids(3))
        assert memory.unseen("https://other.example/", ids(1)) == set(ids(1))
        memory.save(URL, FeedState(not_before=NOON + timedelta(hours=1)))
        assert memory.unseen(URL, ids(1)) == set()


def test_the_oldest_entries_that_are_shown_no_longer_are_forgotten(tmp_path: Path) -> None:
    with FeedMemory(tmp_path, entries_per_feed=4) as memory:
        memory.save(URL, FeedState(), ids(1, 2, 3))
        memory.save(URL, FeedState(), ids(1, 4, 5))
        memory.save(URL, FeedState(), ids(5, 6))
        assert memory.unseen(URL, ids(*range(1, 7))) == set(ids(2, 3))


def test_entries_that_are_shown_are_never_forgotten_however_many(tmp_path: Path) -> None:
    with FeedMemory(tmp_path, entries_per_feed=2) as memory:
        for _ in range(2):
            memory.save(URL, FeedState(), ids(*range(10)))
        memory.save(URL, FeedState(), ())
        assert memory.unseen(URL, ids(*range(10))) == set()


def test_a_state_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "feeds.sqlite").write_bytes(b"something else entirely, and long enough to be looked at" * 20)
    with pytest.raises(SourceOptionsError, match=r"feeds\.sqlite, cannot be used: .*remove the file"):
        FeedMemory(tmp_path)
