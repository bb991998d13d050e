"""The words behind alerts, asked of the real model: in English and Chinese, toward the company, by the scheduler."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alert_stage import Stage, wall_clock
from eventually import eventually
from sqlalchemy import Engine, select
from words_stage import WORD, Knower, explain, first_document, surge

from deploy.alert_parts import explaining_parts
from deploy.alert_words import WordsOfModel
from deploy.cli import main
from deploy.services import Services
from deploy.settings import Settings, load_settings
from deploy.threads import run_together
from model.artefact import COMMITTED
from storage.tables import alerts as alert_table

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
