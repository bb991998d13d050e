"""Settings name the weights: a folder, a models folder where promotions decide, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.commands.score import score_lines
from deploy.doctor_checks import model as check_model
from deploy.errors import SettingsError
from deploy.settings import load_settings
from deploy.weights import weights_folder
from model.artefact import COMMITTED
from model.errors import ArtefactError

PROMOTION = '{"at": "2026-11-24T12:00:00Z", "action": "promote", "version": "m1"}'
PROMOTED = f"[{PROMOTION}]"
ROLLED_BACK = f'[{PROMOTION}, {{"at": "2026-11-24T13:00:00Z", "action": "rollback", "version": null}}]'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _models(text: str, *versions: str) -> Path:
    models = Path("models")
    for version in versions:
        (models / "versions" / version).mkdir(parents=True)
    models.mkdir(exist_ok=True)
    (models / "promotions.json").write_text(text)
    return models


def test_without_a_word_the_committed_weights_are_loaded() -> None:
    assert weights_folder(load_settings()) == COMMITTED


def test_a_weights_folder_is_taken_as_it_is_named() -> None:
    assert weights_folder(load_settings(flags={"model": {"folder": "w"}})) == Path("w")


def test_a_models_folder_gives_what_was_promoted_in_it() -> None:
    settings = load_settings(flags={"model": {"models": _models(PROMOTED, "m1")}})
    assert weights_folder(settings) == Path("models/versions/m1")


def test_a_models_folder_in_which_all_was_rolled_back_gives_the_committed_weights() -> None:
    assert weights_folder(load_settings(flags={"model": {"models": _models(ROLLED_BACK)}})) == COMMITTED


def test_both_at_once_are_a_fault() -> None:
    with pytest.raises(SettingsError, match="both folder and models are set"):
        load_settings(flags={"model": {"folder": "w", "models": "m"}})


def test_scoring_and_the_doctor_look_at_the_promoted_version() -> None:
    settings = load_settings(flags={"model": {"models": _models(PROMOTED, "m1")}})
    with pytest.raises(ArtefactError, match=r"no weights in models/versions/m1"):
        score_lines(settings, "-")
    with pytest.raises(ArtefactError, match=r"no weights in models/versions/m1"):
        check_model(type("Patient", (), {"settings": settings})())


def test_the_model_commands_take_the_models_folder_from_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    _models(ROLLED_BACK)
    Path("yuqing.toml").write_text('[model]\nmodels = "models"\n')
    assert main(["model", "rollback"]) == 2
    assert "nothing is promoted in models" in capsys.readouterr().err
    Path("empty").mkdir()
    assert main(["model", "rollback", "--models", "empty"]) == 2
    assert "nothing is promoted in empty" in capsys.readouterr().err
    Path("yuqing.toml").unlink()
    assert main(["model", "list"]) == 2
    assert "[model]" in capsys.readouterr().err


def test_the_history_is_one_object(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUQING_MODEL__MODELS", str(_models(ROLLED_BACK)))
    code = main(["model", "list", "--json"])
    answer = json.loads(capfdbinary.readouterr().out)
    assert (code, [one["action"] for one in answer["changes"]]) == (0, ["promote", "rollback"])


@pytest.mark.parametrize(
    "command", [["explain", "Shares fall"], ["drift", "profile", "--data", ".", "--out", "d.json"]]
)
def test_explanations_and_profiles_are_of_the_promoted_version(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUQING_MODEL__MODELS", str(_models(PROMOTED, "m1")))
    assert main(command) == 1
    assert "no weights in models/versions/m1" in capsys.readouterr().err
