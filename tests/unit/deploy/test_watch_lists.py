"""A role begins with the watch list in force or not at all; commands without a database have that of the files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deploy.settings import load_settings
from deploy.watch_lists import follower, known, rows_of, watched
from storage.connection import connect
from storage.watch_entries import Entry
from stream.watchlist import Entity, Row

AWAY = "postgresql://somebody@127.0.0.1:9/nothing"


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUQING_INTAKE__WATCHLISTS", '["ours.csv"]')
    monkeypatch.setenv("YUQING_INTAKE__DEFAULT_WATCHLIST", "false")
    monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("YUQING_DATABASE__URL", AWAY)
    monkeypatch.setenv("YUQING_REDIS__URL", "redis://127.0.0.1:9")
    Path("ours.csv").write_text("entity_id,name\nHBS.X,Harbour Steel\n")


def test_a_role_that_is_told_to_stop_while_the_database_is_away_has_no_list() -> None:
    stop = threading.Event()
    stop.set()
    assert follower(connect(AWAY, pool_size=1), load_settings(), stop) is None


def test_where_the_database_is_away_a_command_knows_the_list_of_the_files() -> None:
    settings = load_settings()
    assert known(settings) == watched(settings) == [Entity(entity_id="HBS.X", name="Harbour Steel")]


def test_an_entry_becomes_the_row_of_a_file() -> None:
    entry = Entry(name="Moss", entity_id="m", aliases=("Gate",), tickers=("MG",), groups=("g",), ambiguous=("Gate",))
    entity = Entity(entity_id="m", name="Moss", aliases=("Gate",), tickers=("MG",), groups=("g",), ambiguous=("Gate",))
    assert rows_of([entry, Entry(name="", entity_id="x", remove=True)]) == [
        Row(where="entry m", entity=entity),
        Row(where="entry x", entity=Entity(entity_id="x", name=""), remove=True),
    ]
