"""`yuqing backtest --documents`: scored records raise what they raised live, raw documents are read, placed and scored
first, and neither touches the installation's own services."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from alert_stage import NOON, Stage, Story, wall_clock
from sqlalchemy import Engine, select

from alerts.detection.series import minute_of
from alerts.engine import AlertEngine
from alerts.reading.alarm_plots import Alarm, draw, stories_of
from deploy.alert_parts import detectors_of, timing_of
from deploy.cli import main
from deploy.settings import load_settings
from storage.records import Retraction
from storage.tables import alerts
from stream.documents import encode

RULES = '[[alerts.rules]]\nname = "payments"\nwords = ["payment"]\n'
WATCH_LIST = "entity_id,name,aliases,tickers,groups\nacme,Acme Ltd,,,\n"
SETTINGS = f'[intake]\ndefault_watchlist = false\nwatchlists = ["own.csv"]\n{RULES}'


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text(WATCH_LIST)
    Path("yuqing.toml").write_text(SETTINGS)
    monkeypatch.setenv("YUQING_DATABASE__URL", "postgresql://nobody@127.0.0.1:9/none")


def backtest(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["backtest", *arguments, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, answer


def children() -> set[str]:
    return {child.name() for child in psutil.Process().children()}


def test_scored_records_raise_the_alarms_that_they_raised_live(
    database: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    stage, settings = Stage(database, ()), load_settings()
    engine = AlertEngine(
        database,
        detectors_of(settings, 1),
        (),
        clock=wall_clock,
        timing=timing_of(settings),
        rules=[rule.judge() for rule in settings.alerts.rules],
    )
    stories = [
        *(Story(-30 * step, "other", "neutral", score=0.0, title="Calm") for step in range(48 * 30, 0, -1)),
        *(Story(3 * step, title=f"Acme trouble {step}") for step in range(8)),
        Story(30, title="Acme misses a payment"),
        Story(9 * 1440, "other", "neutral", score=0.0, title="Calm"),
        Story(9 * 1440 + 5, title="Another payment of Acme"),
    ]
    documents = [stage.document(story) for story in stories]
    unlisted = [Story(400 + 20 * step, "other", "neutral", score=0.0, source=f"s{step % 2}") for step in range(7)]
    named = [msgspec.structs.replace(stage.document(one), names=("Quillfeather",), mentions=()) for one in unlisted]
    documents = sorted([*documents, *named], key=lambda one: one.published_at)
    with Path("scored.jsonl").open("wb") as file:
        file.writelines(encode(document) + b"\n" for document in documents)
    for start in range(0, len(documents), 100):
        stage.book(documents[start : start + 100])
        engine.once()

    before = children()
    capsys.readouterr()
    code, answer = backtest(capsys, "--documents", "scored.jsonl", "--plot", "alarms.html", "--plot", "alarms.png")
    assert code == 0
    assert children() == before, "nothing of it is left running"
    assert (answer["records"], answer["stored"], answer["late"]) == (len(documents), len(documents), 0)
    with database.connect() as connection:
        live = connection.execute(select(alerts).order_by(alerts.c.first_bucket, alerts.c.detector)).all()
    assert len(live) >= 3
    for one, told in zip(live, answer["alarms"], strict=True):
        assert (told["alert_id"], told["detector"], told["severity"]) == (str(one.alert_id), one.detector, one.severity)
        assert datetime.fromisoformat(told["first_bucket"]) == one.first_bucket
        assert (told["observed"], told["expected"]) == (one.observed, one.expected)
    names = {one["name"]: one["detector"] for one in answer["alarms"]}
    assert names.keys() == {"Acme Ltd", "Quillfeather"}
    assert names["Quillfeather"] == "unlisted_volume"
    page = Path("alarms.html").read_text()
    assert page.count("<td>rule:payments</td>") == 2
    assert "<svg" in page
    assert Path("alarms.png").read_bytes().startswith(b"\x89PNG")


def test_raw_documents_are_linked_placed_and_scored_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Acme Ltd missed a payment on its bonds and warned of bankruptcy, after auditors found fraud in its books"
    lines = [
        {
            "source": "wire",
            "title": f"Acme Ltd {step}: {text}",
            "published_at": (NOON + timedelta(hours=step)).isoformat(),
        }
        for step in range(2)
    ]
    lines += [{"source": "copy", "title": lines[0]["title"], "published_at": (NOON + timedelta(hours=1)).isoformat()}]
    lines += [{"source": "wire", "title": "A title without a time"}]
    with gzip.open("raw.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.write("no json\n")
    code, answer = backtest(capsys, "--documents", "raw.jsonl.gz")
    assert code == 1
    assert [(one["line"], one["why"].split(":")[0]) for one in answer["unreadable"]] == [
        (4, "no believable time of publication"),
        (5, "not_json"),
    ]
    assert answer["stored"] == 3
    (alarm,) = [one for one in answer["alarms"] if one["detector"] == "rule:payments"]
    assert (alarm["entity_id"], alarm["first_bucket"]) == ("acme", "2024-05-06T12:00:00Z")
    novelties = {document["source"]: document["novelty"] for document in alarm["evidence"]}
    assert novelties["copy"] == "reprint"

    assert main(["backtest", "--documents", "raw.jsonl.gz"]) == 1
    shown = capsys.readouterr().out
    assert "raw.jsonl.gz: 3 records, 3 documents counted" in shown
    assert "line 5: not_json" in shown
    assert "rule:payments" in shown


def test_what_is_drawn_of_a_name_on_no_list_are_its_own_stories(database: Engine) -> None:
    stage = Stage(database, ())
    named = [msgspec.structs.replace(stage.document(Story(60 * step)), names=("Mossgate",)) for step in range(5)]
    stage.book(named)
    alarm = Alarm("unlisted:Mossgate", "Mossgate", "unlisted_surge", "watch", NOON, NOON + timedelta(hours=1))
    with database.connect() as connection:
        found = stories_of(connection, [alarm.entity_id, "acme"], minute_of(NOON) - 1440, minute_of(NOON) + 1440)
        draw(connection, [alarm], NOON, NOON + timedelta(days=1), "<title>", Path("drawn.html"))
    assert {entity_id: int(series.stories.sum()) for entity_id, series in found.items()} == {
        "unlisted:Mossgate": 5,
        "acme": 5,
    }
    page = Path("drawn.html").read_text()
    assert "<h1>&lt;title&gt;</h1>" in page
    assert "Mossgate" in page


def test_takedowns_count_and_what_comes_late_is_said(capsys: pytest.CaptureFixture[str], database: Engine) -> None:
    stage = Stage(database, ())
    first, late = (stage.document(Story(minute)) for minute in (500, 0))
    takedown = Retraction(
        document_id=first.document_id,
        origin=stage.document(Story(0)).origin,
        published_at=NOON,
        arrived_at=NOON,
        revised_at=NOON,
    )
    Path("scored.jsonl").write_bytes(
        b"\n".join(map(encode, (first, late, takedown))) + b'\n{"origin":1,"arrived_at":2}'
    )
    code, answer = backtest(capsys, "--documents", "scored.jsonl")
    assert (code, answer["records"], answer["stored"], answer["late"]) == (1, 3, 2, 2)
    assert [one["line"] for one in answer["unreadable"]] == [4]


def test_what_cannot_be_asked_for_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, why in (
        ([], "give a file of counts, or --documents FILE"),
        (["a.csv", "--documents", "b"], "give a file of counts, or --documents FILE"),
        (["--documents", "b", "--false-alarms", "1"], "are for counts"),
    ):
        assert main(["backtest", *arguments]) == 2
        assert why in capsys.readouterr().err
    assert main(["backtest", "--documents", "none.jsonl"]) == 1
    assert "none.jsonl cannot be read" in capsys.readouterr().err
