"""What is known about feeds outlives the process, and does not grow without bound."""

from __future__ import annotations

import sqlite3
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


def stored(folder: Path) -> Path:
    with FeedMemory(folder) as memory:
        memory.save(URL, FeedState(etag='"a"'), ids(*range(2_000)))
        memory._base.execute("pragma journal_mode = delete")  # one file
    return folder / "feeds.sqlite"


def test_a_state_that_is_damaged_inside_is_found_at_the_start_and_not_in_the_middle_of_a_poll(tmp_path: Path) -> None:
    file = stored(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] + bytes(4096) + content[len(content) // 2 + 4096 :])
    with pytest.raises(SourceOptionsError, match="remove the file"):
        FeedMemory(tmp_path)


def test_tables_of_another_make_are_not_ours(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "feeds.sqlite") as base:
        base.execute("create table feeds (url text primary key, etag text)")
    base.close()
    with pytest.raises(SourceOptionsError, match="no such column"):
        FeedMemory(tmp_path)


@pytest.mark.parametrize("not_before", ["soon", 1e300, -5])
def test_a_row_that_makes_no_sense_says_nothing(tmp_path: Path, not_before: object) -> None:
    with FeedMemory(tmp_path) as memory:
        memory.save(URL, FeedState(etag='"a"'))
        memory._base.execute("update feeds set not_before = ?", (not_before,))
        assert memory.load(URL) == FeedState()
