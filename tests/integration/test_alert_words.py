"""The words that moved the model: asked of the real model after an alert was told, kept with it, erased with the text.

The engine waits for none of this, and an explainer that is slow, broken or not there takes nothing but the words.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from alert_stage import Stage, Story, wall_clock
from eventually import eventually
from sqlalchemy import Engine, select

import alerts.erasure
import storage.erasure
from alerts.desk import Desk
from alerts.detection.evidence import Document, from_json
from alerts.detection.words import Word
from alerts.explaining import Explaining
from deploy.alert_parts import explaining_parts
from deploy.alert_words import WordsOfModel
from deploy.cli import main
from deploy.services import Services
from deploy.settings import Settings, load_settings
from deploy.threads import run_together
from model.artefact import COMMITTED
from storage.tables import alerts as alert_table
from storage.tables import deliveries

ENGLISH = "Acme defaults on its bonds as fraud inquiry widens"
CHINESE = "阿克米银行债券违约，监管部门立案调查"


@pytest.fixture(scope="module")
def model() -> WordsOfModel:
    return WordsOfModel(COMMITTED)


@pytest.fixture
def stage(database: Engine) -> Stage:
    stage = Stage(database)
    stage.calm()
    return stage


@dataclass
class Knower:
    """An explainer that says what it is told to, and notes what it was asked."""

    words: tuple[Word, ...] = ()
    version: str = "test-model"
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    first: Any = None

    def __call__(self, title: str, body: str, toward: str | None) -> Sequence[Word]:
        self.asked.append((title, body, toward))
        if self.first is not None:
            self.first()
        return self.words


WORD = Word(text="trouble", place="title", start=5, end=12, weight=0.4)


def surge(stage: Stage, title: str, *, minute: float = 0, score: float = -0.99, **more: Any) -> None:
    """A surge whose most negative story has this title, judged by the engine."""
    stage.publish(Story(minute, title=title, score=score, **more))
    stage.surge(minute + 1)
    stage.later(minute + 60)
    stage.engine().once()


def first_document(stage: Stage) -> Document:
    """The most telling document of the newest alert."""
    query = select(alert_table.c.evidence).order_by(alert_table.c.first_bucket.desc())
    with stage.database.connect() as connection:
        return from_json(connection.execute(query).scalars().first()).documents[0]


def explain(stage: Stage, knower: Any) -> int:
    return Explaining(stage.database, lambda: knower, wall_clock).once()


@pytest.mark.parametrize(
    ("title", "body", "telling"),
    [
        (ENGLISH, "The lender said on Monday that it would publish its report in May.", {"defaults", "fraud"}),
        (CHINESE, "该行周一表示将于五月公布年报。", {"违约", "立案", "调查"}),
    ],
)
def test_the_words_that_made_it_negative_are_kept_with_their_places(
    stage: Stage, model: WordsOfModel, title: str, body: str, telling: set[str]
):
    surge(stage, title, body=body)
    explain(stage, model)
    document = first_document(stage)

    assert document.explained_by == model.version
    assert any(known in word.text for known in telling for word in document.words)
    for word in document.words:
        assert {"title": title, "body": body}[word.place][word.start : word.end] == word.text
    weights = [word.weight for word in document.words]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0


def test_beside_other_companies_the_words_are_about_the_alerts_own(stage: Stage, model: WordsOfModel):
    title = "Northwind Bank defaults on its bonds while Harbour Steel reports a record profit"
    surge(stage, title, surface="Northwind Bank", beside=("Harbour Steel",))
    explain(stage, model)
    toward_other = model(title, "", "Harbour Steel")

    assert any("defaults" in word.text for word in first_document(stage).words)
    assert first_document(stage).words == tuple(model(title, "", "Northwind Bank"))
    assert first_document(stage).words != tuple(toward_other)


def test_one_company_is_asked_about_as_the_scorer_asked(stage: Stage):
    knower = Knower()
    surge(stage, ENGLISH, body="More of it.", surface="Acme")
    explain(stage, knower)

    assert knower.asked == [(ENGLISH, "More of it.", None)]


def test_each_alert_is_explained_once_and_its_words_outlive_a_new_look_at_the_evidence(stage: Stage):
    knower = Knower(words=(WORD,))
    surge(stage, "Acme trouble of all")
    assert explain(stage, knower) == 1
    stage.surge(70, count=12)
    stage.later(200)
    stage.engine().once()

    assert stage.events() == ["alert.escalated", "alert.opened"]
    assert first_document(stage).words == (WORD,)
    assert explain(stage, knower) == 0
    assert len(knower.asked) == 1


def test_what_is_told_later_carries_the_words(stage: Stage):
    surge(stage, "Acme trouble of all")
    explain(stage, Knower(words=(WORD,)))
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()
    desk = stage_desk(stage)
    desk.resolve(alert_id, actor="ada")
    with stage.database.connect() as connection:
        query = select(deliveries.c.event_type, deliveries.c.payload).order_by(deliveries.c.seq)
        told = {row.event_type: row.payload["data"]["documents"][0]["words"] for row in connection.execute(query)}

    assert told["alert.opened"] == []
    assert [word["text"] for word in told["alert.resolved"]] == ["trouble"]


def test_a_slow_explainer_holds_up_neither_engine_nor_answers(stage: Stage):
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert go_on.wait(60)

    knower = Knower(words=(WORD,), first=wait)
    stop = threading.Event()
    surge(stage, "Acme trouble of all")
    explaining = Explaining(stage.database, lambda: knower, wall_clock, poll_s=0.05)
    thread = threading.Thread(target=explaining.run, args=(stop,))
    thread.start()
    try:
        assert asked.wait(60)
        stage.surge(70, count=12)
        stage.later(200)
        stage.engine().once()
        assert stage.events() == ["alert.escalated", "alert.opened"]
        go_on.set()
        eventually(lambda: first_document(stage).words == (WORD,))
    finally:
        go_on.set()
        stop.set()
        thread.join()


def test_without_an_explainer_the_part_ends_and_alerts_go_on(stage: Stage):
    def broken() -> Knower:
        raise OSError("no weights here")

    surge(stage, "Acme trouble of all")
    Explaining(stage.database, broken, wall_clock, poll_s=0.05).run(threading.Event())

    assert first_document(stage).explained_by == ""
    stage.surge(70, count=12)
    stage.later(200)
    stage.engine().once()
    assert stage.events() == ["alert.escalated", "alert.opened"]


def test_a_document_that_cannot_be_explained_is_left_and_not_tried_again(stage: Stage):
    def fail() -> None:
        raise ValueError("too odd")

    knower = Knower(first=fail)
    surge(stage, "Acme trouble of all")

    assert explain(stage, knower) == 1
    assert explain(stage, knower) == 0
    assert (first_document(stage).words, first_document(stage).explained_by) == ((), "test-model")


def erase(stage: Stage) -> None:
    """Erases the first document as an operator does, wherever it is shown."""
    document_id = first_document(stage).document_id
    with stage.database.begin() as connection:
        storage.erasure.erase(connection, document_id, now=wall_clock())
    with stage.database.begin() as connection:
        alerts.erasure.erase(connection, document_id)


def test_erased_text_takes_its_words_with_it_from_alerts_and_messages(stage: Stage):
    surge(stage, "Acme trouble of all")
    explain(stage, Knower(words=(WORD,)))
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()
    stage_desk(stage).resolve(alert_id, actor="ada")
    stage.take_down("acme")
    erase(stage)
    with stage.database.connect() as connection:
        told = " ".join(map(str, connection.execute(select(deliveries.c.payload)).scalars()))

    assert (first_document(stage).title, first_document(stage).words) == ("", ())
    assert "'trouble'" not in told


def test_what_is_erased_while_it_is_being_explained_leaves_no_words(stage: Stage):
    surge(stage, "Acme trouble of all")
    knower = Knower(words=(WORD,))
    knower.first = lambda: (stage.take_down("acme"), erase(stage)) if len(knower.asked) == 1 else None
    explain(stage, knower)

    assert len(knower.asked) == 1
    assert (first_document(stage).words, first_document(stage).explained_by) == ((), "none")


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": "127.0.0.1:9",
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": "redis://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_the_scheduler_asks_the_model_that_is_in_force(stage: Stage, settings: Settings, model: WordsOfModel):
    services = Services("127.0.0.1:9", settings.database.url.get_secret_value(), "redis://127.0.0.1:9")
    surge(stage, ENGLISH)
    stop = threading.Event()
    with explaining_parts(settings, services, wall_clock) as parts:
        working = threading.Thread(target=run_together, args=(parts, stop))
        working.start()
        try:
            eventually(lambda: first_document(stage).explained_by == model.version)
        finally:
            stop.set()
            working.join()
    assert first_document(stage).words == tuple(model(ENGLISH, "", None))


def test_the_command_line_says_them(stage: Stage, settings: Settings, capsys: pytest.CaptureFixture[str]):
    surge(stage, "Acme trouble of all")
    explain(stage, Knower(words=(WORD,)))
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()

    assert main(["alerts", "show", str(alert_id)]) == 0
    assert "Telling words: trouble" in capsys.readouterr().out


def test_it_can_be_left_out(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YUQING_ALERTS__EXPLAIN", "false")
    services = Services("127.0.0.1:9", settings.database.url.get_secret_value(), "redis://127.0.0.1:9")

    with explaining_parts(load_settings(), services, wall_clock) as parts:
        assert parts == {}


def test_an_alert_that_is_resolved_is_not_explained(stage: Stage):
    surge(stage, "Acme trouble of all")
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()
    stage_desk(stage).resolve(alert_id, actor="ada")
    knower = Knower()

    assert (explain(stage, knower), knower.asked) == (0, [])


def stage_desk(stage: Stage) -> Desk:
    from alert_stage import DESK

    return Desk(stage.database, [DESK], wall_clock)
