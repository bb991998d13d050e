"""Checks of labelled files: every planted fault is found on its line, and sound rows are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_model import sentences
from typer.testing import CliRunner

from model.commands import app
from model.data_checks import Numbered, check
from model.datasets import Row
from model.errors import DataError
from model.label_errors import likely_label_errors
from model.tasks import NEWSFLASH_TOPICS, SENTIMENT

SOUND = [
    *sentences("{} profit hits a record, shares rise {}", "positive", 60),
    *sentences("{} warns of a loss, shares fall {}", "negative", 60),
    *sentences("{} will publish its outlook {}", "neutral", 60),
]


def _write(path: Path, lines: list[object]) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_each_fault_is_found_on_its_line(tmp_path: Path) -> None:
    faults: list[object] = [
        "{not json",
        "",
        {"text": " \t", "label": "neutral"},
        {"text": "x" * 300, "label": "neutral"},
        {"text": "no label here"},
        {"text": "odd one", "label": "sunny"},
        {"text": "Acme Rises  again", "label": "positive"},
        {"text": "acme rises again", "label": "negative"},
        {"text": "split for two", "label": "positive", "entity": "Acme"},
        {"text": "split for two", "label": "negative", "entity": "Bolt"},
    ]
    first = len(SOUND)
    findings, task, _ = check(_write(tmp_path / "news.jsonl", [*SOUND, *faults]), longest=200)
    assert task is SENTIMENT
    assert findings.rows == first + len(faults) - 2
    assert findings.unreadable == (first + 1,)
    assert findings.empty == (first + 3,)
    assert findings.very_long == (first + 4,)
    assert findings.unlabelled == (first + 5,)
    assert findings.unknown_labels == (first + 6,)
    assert findings.conflicting == ((first + 7, first + 8),)
    assert findings.near_duplicates >= 2


def test_sound_files_have_no_findings(tmp_path: Path) -> None:
    findings, task, rows = check(_write(tmp_path / "news.jsonl", list(SOUND)))
    assert not any((findings.unreadable, findings.empty, findings.very_long, findings.unlabelled))
    assert not findings.unknown_labels
    assert not findings.conflicting
    assert likely_label_errors(rows, task) == ()


def test_wrong_labels_are_suspected_before_right_ones() -> None:
    rows = [Numbered(line, Row(str(one["text"]), label=str(one["label"]))) for line, one in enumerate(SOUND, 1)]
    for line in (3, 77, 150):
        right = rows[line - 1].row
        wrong = "negative" if right.label != "negative" else "positive"
        rows[line - 1] = Numbered(line, Row(right.text, label=wrong))
    found = likely_label_errors(rows, SENTIMENT)
    assert found is not None
    assert set(found) == {3, 77, 150}


def test_what_cannot_be_suspected_is_not_looked_at() -> None:
    several = [Numbered(1, Row("a", labels=("中国",)))]
    assert likely_label_errors(several, NEWSFLASH_TOPICS) is None
    one_label = [Numbered(line, Row(f"text {line}", label="neutral")) for line in range(1, 30)]
    assert likely_label_errors(one_label, SENTIMENT) is None
    both_ways = [
        Numbered(2 * line + side, Row(f"deal {line} done", label=("positive", "negative")[side], entity="ab"[side]))
        for line in range(20)
        for side in range(2)
    ]
    assert likely_label_errors(both_ways, SENTIMENT) is None


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        check(_write(tmp_path / "empty.jsonl", ["[]"]))
    with pytest.raises(DataError, match="cannot be read"):
        check(tmp_path / "absent.jsonl")


def test_the_command_shows_line_numbers_and_texts_only_when_asked(tmp_path: Path) -> None:
    path = _write(tmp_path / "news.jsonl", [*SOUND, {"text": "very peculiar words", "label": "sunny"}])
    plain = CliRunner().invoke(app, ["data", "check", str(path), "--no-label-errors"])
    assert plain.exit_code == 0, plain.output
    assert str(len(SOUND) + 1) in plain.stdout
    assert "peculiar" not in plain.stdout
    assert "peculiar" in CliRunner().invoke(app, ["data", "check", str(path), "--texts"]).stdout
    answer = json.loads(CliRunner().invoke(app, ["data", "check", str(path), "--json"]).stdout)
    assert answer["files"][0]["unknown_labels"] == [len(SOUND) + 1]
    assert answer["files"][0]["likely_label_errors"] == []


def test_a_line_that_training_would_refuse_is_exit_code_one(tmp_path: Path) -> None:
    path = _write(tmp_path / "news.jsonl", [*SOUND, "[1]"])
    result = CliRunner().invoke(app, ["data", "check", str(path), "--no-label-errors"])
    assert result.exit_code == 1
    assert "unreadable" in result.stdout
