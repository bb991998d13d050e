"""`yuqing watchlist list|add|withdraw|export` as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import main


@pytest.fixture(autouse=True)
def installation(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": "127.0.0.1:9",
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": "redis://127.0.0.1:9",
        "YUQING_INTAKE__WATCHLISTS": '["ours.csv"]',
    }.items():
        monkeypatch.setenv(name, value)
    Path("ours.csv").write_text("entity_id,name\nHBS.X,Harbour Steel\n")


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return parsed


def add(*words: str) -> int:
    return main(["watchlist", "add", *words, "--by", "ada"])


def test_an_entry_is_added_listed_and_withdrawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watchlist", "list"]) == 0
    assert capsys.readouterr().out == "No entries: the list is that of the files.\n"
    assert add("Mossgate Savings", "--alias", "Mossgate", "--alias", "苔门", "--ticker", "MGS", "--group", "banks") == 0
    assert capsys.readouterr().out == "mossgate-savings: added by ada; the list is at version 1.\n"
    assert main(["watchlist", "list", "--json"]) == 0
    listed = said(capsys)
    (entry,) = listed["entries"]
    assert (listed["version"], entry["aliases"], entry["changed_by"]) == (1, ["Mossgate", "苔门"], "ada")
    assert main(["watchlist", "list"]) == 0
    assert "Mossgate|苔门|MGS" in capsys.readouterr().out
    assert main(["watchlist", "withdraw", "mossgate-savings", "--by", "li", "--json"]) == 0
    assert (said(capsys)["action"], main(["watchlist", "list", "--json"])) == ("withdrawn", 0)
    assert said(capsys) == {"version": 2, "entries": []}


def test_an_export_is_a_file_that_is_read_as_the_entries(capsys: pytest.CaptureFixture[str]) -> None:
    add("Mossgate, Inc.", "--id", "#moss", "--alias", 'Moss "Gate"', "--ambiguous", 'Moss "Gate"')
    add("Apple Inc.", "--id", "AAPL.US", "--remove")
    capsys.readouterr()
    assert main(["watchlist", "export"]) == 0
    Path("entries.csv").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["watchlist", "check", "ours.csv", "entries.csv", "--json"]) == 0
    checked = said(capsys)

    assert (checked["own"], checked["entities"]) == (2, 7109)
    assert main(["watchlist", "export", "--json"]) == 0
    assert said(capsys) == {"version": 2, "entries": 2, "csv": Path("entries.csv").read_text(encoding="utf-8")}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Steel", "--alias", "Harbour Steel"], "aliases: 'Harbour Steel' belongs to Harbour Steel (HBS.X) too"),
        (["M"], "name: 'M' is a single character"),
    ],
)
def test_what_cannot_stand_on_the_list_is_wrong_use_and_says_why(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(*words) == 2
    assert told in capsys.readouterr().err
    assert main(["watchlist", "withdraw", "nobody"]) == 2
    assert "there is no entry 'nobody': see `yuqing watchlist list`" in capsys.readouterr().err


def test_a_rule_may_name_a_company_of_an_entry(capsys: pytest.CaptureFixture[str]) -> None:
    Path("yuqing.toml").write_text('[[alerts.rules]]\nname = "moss"\nentities = ["mossgate"]\nwords = ["default"]\n')
    assert main(["rules", "check"]) == 1
    assert "is on no watch list" in capsys.readouterr().out
    add("Mossgate")
    assert main(["rules", "check"]) == 0
