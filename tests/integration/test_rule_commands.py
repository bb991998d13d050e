"""`yuqing rules check|try` as an operator types them; trying writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alert_stage import Stage, Story
from sqlalchemy import Engine, text

from deploy.cli import main
from deploy.embedded import StackAddresses

RULES = """
[[alerts.rules]]
name = "payments"
words = ["payment"]
severity = "warning"

[[alerts.rules]]
name = "many"
negative_stories = 3
within_min = 30
"""

WATCH_LIST = "entity_id,name,aliases,tickers,groups\nacme,Acme Ltd,,,banks\n"


@pytest.fixture
def stage(
    database: Engine,
    database_url: str,
    stack: StackAddresses,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    """Four negative stories about Acme at noon of 2024-05-06; the settings name this database and two rules."""
    monkeypatch.chdir(tmp_path)
    Path("yuqing.toml").write_text(RULES)
    monkeypatch.setenv("YUQING_KAFKA__BOOTSTRAP", stack.kafka)
    monkeypatch.setenv("YUQING_DATABASE__URL", database_url)
    monkeypatch.setenv("YUQING_REDIS__URL", redis_url)
    stage = Stage(database)
    stage.publish(Story(0), *(Story(10 * step, title=f"Trouble {step}") for step in range(1, 4)))
    return stage


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return parsed


def rows(stage: Stage) -> dict[str, object]:
    """The rows of every table, as one sum each."""
    with stage.database.connect() as connection:
        names = connection.execute(
            text("select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace")
        ).scalars()
        summed = "select count(*), coalesce(sum(hashtext(t::text)::bigint), 0) from {} t"
        return {name: tuple(connection.execute(text(summed.format(name))).one()) for name in sorted(names)}


def test_trying_rules_shows_when_they_would_have_told_of_what_and_writes_nothing(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(stage)
    assert main(["rules", "try", "--from", "2024-05-06", "--to", "2024-05-06", "--json"]) == 0
    answer = said(capsys)
    assert [(one["rule"], len(one["alerts"])) for one in answer["rules"]] == [("payments", 1), ("many", 1)]
    (payments,), (many,) = (one["alerts"] for one in answer["rules"])
    assert (payments["first_bucket"], payments["severity"]) == ("2024-05-06T12:00:00Z", "warning")
    assert [document["title"] for document in payments["documents"]] == ["Acme misses a payment"]
    assert (many["first_bucket"], many["last_bucket"], many["observed"]) == (
        "2024-05-06T12:20:00Z",
        "2024-05-06T12:30:00Z",
        3,
    )
    assert rows(stage) == before

    assert main(["rules", "try", "many", "--from", "2024-05-05", "--to", "2024-05-06"]) == 0
    shown = capsys.readouterr().out
    assert "many: 1 alerts" in shown
    assert "2024-05-06 12:20Z" in shown
    assert "Trouble 1 / " in shown
    assert main(["rules", "try", "--from", "2024-05-07", "--to", "2024-05-08"]) == 0
    assert capsys.readouterr().out == "payments: 0 alerts\nmany: 0 alerts\n"


def test_what_cannot_be_tried_says_why(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "try", "mny", "--from", "2024-05-06", "--to", "2024-05-06"]) == 2
    assert "there is no rule 'mny'; there are payments, many" in capsys.readouterr().err
    assert main(["rules", "try", "--from", "May", "--to", "2024-05-06"]) == 2
    assert "give days such as" in capsys.readouterr().err
    Path("yuqing.toml").write_text("")
    assert main(["rules", "try", "--from", "2024-05-06", "--to", "2024-05-06"]) == 2
    assert "no [[alerts.rules]]" in capsys.readouterr().err


def test_an_alert_that_a_rule_raised_is_shown_with_what_it_asked_for(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    from deploy.settings import load_settings

    stage.engine(rules=[rule.judge() for rule in load_settings().alerts.rules]).once()
    with stage.database.connect() as connection:
        found = connection.execute(text("select alert_id from alerts where detector = 'rule:many'")).scalar_one()
    assert main(["alerts", "show", str(found)]) == 0
    assert "rule many: negative stories 3 (at least 3) within 0.5 h" in capsys.readouterr().out


def test_rules_are_held_against_the_watch_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text(WATCH_LIST)
    lists = '[intake]\ndefault_watchlist = false\nwatchlists = ["own.csv"]\n'
    good = '[[alerts.rules]]\nname = "a"\nentities = ["acme", "*"]\ngroups = ["banks"]\ntopics = ["ipo"]\n'
    Path("yuqing.toml").write_text(lists + good)
    assert main(["rules", "check"]) == 0
    assert capsys.readouterr().out == "1 rules can be read; no faults.\n"

    bad = '[[alerts.rules]]\nname = "b"\nentities = ["acm"]\ngroups = ["bank"]\ntopics = ["ipos"]\n'
    Path("yuqing.toml").write_text(lists + good + bad)
    assert main(["rules", "check"]) == 1
    shown = capsys.readouterr().out
    assert "rule 'b': entities: 'acm' is on no watch list" in shown
    assert "rule 'b': groups: 'bank' is a group of no company" in shown
    assert "rule 'b': topics: 'ipos' is no topic" in shown
    assert "2 rules can be read; 3 faults." in shown

    hasty = '[[alerts.rules]]\nname = "c"\ndocuments = 1\nquiet_min = 60\n'
    Path("yuqing.toml").write_text(lists + hasty)
    assert main(["rules", "check"]) == 1
    assert "rule 'c': quiet_min: 60 must be longer than 60: until windows.allowed" in capsys.readouterr().out
