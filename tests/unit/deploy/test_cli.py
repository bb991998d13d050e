"""The command line: exit codes, one JSON object on stdout, and errors in words a user can act on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import cli
from deploy.cli import main
from deploy.commands import replay as replay_command
from deploy.errors import DeployError, UsageError
from deploy.output import emit, table
from deploy.wording import words_for


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("", "up", "replay", "score", "migrate", "status", "doctor", "audit", "dead-letters replay", "alerts"):
        assert main([*words.split(), "--help"]) == 0
    assert "Usage: yuqing" in capsys.readouterr().out


def test_help_loads_neither_torch_nor_a_room() -> None:
    program = (
        "import sys; from deploy.cli import main; main(['--help']);"
        "print([name for name in ('torch', 'faust', 'sqlalchemy', 'onnxruntime', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.count(".") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fly", "No such command 'fly'"),
        ("up --role cook", "there is no role 'cook'; there are source, scorer, windows, alerts, scheduler, console"),
        ("replay x.jsonl --speed fast", "--speed is 'fast'; give a number above 0, such as 60, or max"),
        ("replay x.jsonl --speed 0", "--speed is '0'"),
        ("replay x.jsonl --watchlist w.csv", "a watch list belongs to the scorer"),
        ("status --config none.toml", "no settings file none.toml"),
        ("score none.jsonl", "none.jsonl cannot be read"),
    ],
)
def test_wrong_use_is_exit_code_2_and_says_what_would_be_right(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    seen = capsys.readouterr()
    assert said in " ".join(seen.err.replace("│", " ").split())
    assert seen.out == ""


def test_a_watch_list_is_checked_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ours.csv").write_text("entity_id,name\nACME.X,Acme Rockets\n")
    assert main(["watchlist", "check", "ours.csv", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["own"] == 1
    assert result["entities"] > 1000
    assert main(["watchlist", "check", "ours.csv"]) == 0
    assert "1 of them yours" in capsys.readouterr().out
    Path("ours.csv").write_text("entity_id,name\nA B,\n")
    assert main(["watchlist", "check", "ours.csv"]) == 1
    assert "ours.csv:2" in capsys.readouterr().err


def test_status_of_nothing_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 1
    assert "`yuqing up` starts it" in capsys.readouterr().out
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["running"] is False


def test_speed_is_a_number_or_max() -> None:
    assert cli._speed("max") is None
    assert cli._speed("60") == 60


def test_model_commands_get_their_arguments_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    seen: list[str] = []
    model_app = typer.Typer()

    @model_app.command()
    def train(data: str = "", help_me: bool = False) -> int:
        seen.append(data)
        return 3

    @model_app.command()
    def evaluate(files: list[str]) -> None:
        seen.extend(files)

    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, "model.commands", SimpleNamespace(app=model_app))
    assert main(["train", "--data", "folder"]) == 3
    assert main(["evaluate", "a.jsonl", "b.jsonl"]) == 0
    assert seen == ["folder", "a.jsonl", "b.jsonl"]


def test_an_interrupt_is_exit_code_130_and_a_closed_pipe_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("deploy.commands.status.show_status", interrupted)
    assert main(["status"]) == 130


def test_a_defect_is_not_dressed_up_as_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object, **__: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("deploy.commands.status.show_status", defect)
    with pytest.raises(ZeroDivisionError):
        main(["status"])


# What is said about errors


def test_errors_of_every_room_are_told_with_their_exit_code() -> None:
    import psycopg
    import redis
    from confluent_kafka import KafkaException

    from alerts.errors import AlertsError
    from model.errors import ModelError
    from storage.errors import StorageError
    from stream.errors import StreamError

    for error in (AlertsError("x"), ModelError("x"), StorageError("x"), StreamError("x"), DeployError("x")):
        assert words_for(error) == ("x", 1)
    assert words_for(UsageError("x", fix="y")) == ("x\n  Fix: y", 2)
    for away in (psycopg.OperationalError("gone"), redis.ConnectionError("gone"), KafkaException("gone")):
        told = words_for(away)
        assert told is not None
        assert "does not answer: " in told.words
        assert told.exit_code == 1
    assert words_for(FileNotFoundError(2, "No such file", "x.csv")) == ("x.csv: No such file.", 1)
    assert words_for(KeyError("x")) is None


# What is printed


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"path": Path("a"), "at": None}, True, str)
    assert json.loads(capsys.readouterr().out) == {"path": "a", "at": None}


def test_tables_align_and_show_control_characters_instead_of_sending_them_to_the_terminal() -> None:
    assert table(["name", "count"], [("a\x1b[2J", 1234), ("bb", 5)]) == (
        "name      count\na\\x1b[2J  1,234\nbb            5"
    )


def test_a_replay_says_what_it_did_in_words() -> None:
    result = {"items": 10, "published": 10, "skipped": 5, "bad_lines": 1, "publish_seconds": 2.0, "finished": False}
    said = replay_command._worded(result)
    assert "10 items read, 10 published, 5 a second." in said
    assert "--restart" in said
    assert "dead-letters" in said
    assert "goes on there" in said
