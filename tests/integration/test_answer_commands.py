"""`yuqing alerts ack|snooze|…` and `yuqing silences …` as an analyst types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from answer_stage import AnswerStage
from sqlalchemy import Engine

from alerts.answers.holding import Holding
from deploy.cli import main
from deploy.embedded import StackAddresses


@pytest.fixture
def stage(
    database: Engine,
    database_url: str,
    stack: StackAddresses,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AnswerStage:
    """Acme's alert fires; the settings name this database and a webhook."""
    monkeypatch.chdir(tmp_path)
    hook = {"name": "desk", "url": "http://127.0.0.1:9/", "secret": "c2VjcmV0c2VjcmV0c2VjcmV0"}
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
        "YUQING_WEBHOOKS": json.dumps([hook]),
    }.items():
        monkeypatch.setenv(name, value)
    stage = AnswerStage(database)
    stage.companies("acme")
    stage.find("acme")
    return stage


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return parsed


def test_an_alert_is_taken_commented_and_resolved(stage: AnswerStage, capsys: pytest.CaptureFixture[str]) -> None:
    short = str(stage.only())[:8]
    assert main(["alerts", "ack", short, "--by", "li", "--reason", "on it"]) == 0
    assert capsys.readouterr().out == f"{short} is acknowledged, was firing; noted for li.\n"
    assert main(["alerts", "comment", short, "the bank says no", "--by", "li"]) == 0
    capsys.readouterr()
    assert main(["alerts", "resolve", short, "--by", "li", "--json"]) == 0
    answered = said(capsys)
    assert (answered["before"], answered["status"]) == ("acknowledged", "resolved")
    assert main(["alerts", "reopen", short]) == 0
    assert stage.row().status == "reopened"
    assert [entry[0] for entry in stage.history()] == ["open", "acknowledge", "comment", "resolve", "reopen"]
    capsys.readouterr()
    assert main(["alerts", "show", short]) == 0
    shown = capsys.readouterr().out
    assert "the bank says no" in shown
    assert "You may: acknowledge, snooze, resolve, comment." in shown


def test_what_ended_before_anybody_was_told_is_listed_where_that_is_asked_for(
    stage: AnswerStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = AnswerStage(stage.database, holding=Holding(one_a_company=True))
    stage.companies("corp")
    stage.find("corp", detector="first_bad_news", severity="critical")
    stage.find("corp")
    stage.fall_quiet(2000)
    assert main(["alerts", "list", "--entity", "corp", "--json"]) == 0
    assert [one["detector"] for one in said(capsys)["alerts"]] == ["first_bad_news"]
    assert main(["alerts", "list", "--entity", "corp", "--untold", "--json"]) == 0
    assert len(said(capsys)["alerts"]) == 2


def test_an_alert_is_snoozed_and_judged(stage: AnswerStage, capsys: pytest.CaptureFixture[str]) -> None:
    short = str(stage.only())[:8]
    assert main(["alerts", "snooze", short, "--for", "2h"]) == 0
    assert f"{short} is snoozed until" in capsys.readouterr().out
    assert main(["alerts", "true-alarm", short]) == 0
    assert main(["alerts", "false-alarm", short, "--reason", "another Acme", "--json"]) == 0
    capsys.readouterr()
    assert main(["alerts", "show", short, "--json"]) == 0
    assert [each["verdict"] for each in said(capsys)["verdicts"]] == ["true", "false_alarm"]
    assert stage.row().status == "resolved"


def test_a_silence_is_added_listed_and_ended(stage: AnswerStage, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["silences", "add", "entity=acme", "severity!=critical", "--for", "1h", "--reason", "a drill", "--by", "li"]
    assert main([*given, "--json"]) == 0
    silence = said(capsys)
    assert silence["matchers"] == ['entity="acme"', 'severity!="critical"']
    assert main(["silences", "list"]) == 0
    assert "a drill" in capsys.readouterr().out
    assert main(["silences", "expire", silence["silence_id"][:8], "--by", "li"]) == 0
    capsys.readouterr()
    assert main(["silences", "list"]) == 0
    assert capsys.readouterr().out == "No silences.\n"
    assert main(["silences", "list", "--expired", "--json"]) == 0
    assert said(capsys)["silences"][0]["expired_by"] == "li"
    assert main(["alerts", "silence", "group=banks", "--for", "1h", "--reason", "x"]) == 0


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        (["alerts", "ack", "00000000"], "see `yuqing alerts list`"),
        (["alerts", "reopen", "ID"], "what can be done: acknowledge, snooze, resolve, comment"),
        (["alerts", "snooze", "ID"], "give either --for"),
        (["alerts", "snooze", "ID", "--until", "2020-01-01T00:00Z"], "a time to come"),
        (["silences", "add", "company=acme", "--for", "1h", "--reason", "x"], "there are alert, entity"),
        (["silences", "add", "entity!=acme", "--for", "1h", "--reason", "x"], "name whom it is for"),
        (["silences", "expire", "00000000"], "see `yuqing silences list`"),
    ],
)
def test_wrong_use_says_what_where_and_how(
    stage: AnswerStage, capsys: pytest.CaptureFixture[str], line: list[str], fix: str
) -> None:
    assert main([str(stage.only()) if word == "ID" else word for word in line]) == 2
    assert fix in capsys.readouterr().err
    assert stage.row().status == "firing"
