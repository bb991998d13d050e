"""Which model is in force: switched whole, gone back from, and never one whose files are not as they should be."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_model import Built
from typer.testing import CliRunner

from model import registry
from model.artefact import COMMITTED, read_manifest, write_manifest
from model.classifier import Classifier
from model.commands import app
from model.errors import ArtefactError, ConfigError
from model.promotion_log import PROMOTIONS, promotions
from model.registry import in_force, promote, rollback
from model.verdicts import Verdict

RUN = CliRunner()
NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


def _clock() -> datetime.datetime:
    return NOON


def _weights(built: Built, folder: Path, version: str, *, seed: int = 0) -> Path:
    """The small model's weights folder, under another version."""
    folder.mkdir()
    for name in built.manifest.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built.folder / name, folder / name)
    write_manifest(folder, msgspec.structs.replace(built.manifest, model_version=version, training={"seed": seed}))
    return folder


@pytest.fixture(autouse=True)
def committed(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights in force where nothing was promoted: the small model here, called m0."""
    folder = _weights(built, tmp_path / "committed", "m0")
    monkeypatch.setattr(registry, "COMMITTED", folder)
    return folder


def _better(old: str, new: str) -> Verdict:
    return Verdict(old, new, gain=0.05, p_value=0.001, reasons=(), files={})


def _promote(models: Path, folder: Path, old: str) -> Path:
    return promote(models, folder, _better(old, folder.name), clock=_clock)


def test_where_nothing_was_promoted_the_committed_weights_are_in_force(tmp_path: Path, committed: Path) -> None:
    assert in_force(tmp_path / "models") == committed
    assert promotions(tmp_path / "models") == ()
    assert COMMITTED.name == "weights"


def test_promote_and_go_back_step_by_step(built: Built, tmp_path: Path, committed: Path) -> None:
    models = tmp_path / "models"
    first, second = (_weights(built, tmp_path / name, name) for name in ("m1", "m2"))

    _promote(models, first, "m0")
    assert Classifier.load(in_force(models)).version == "m1"
    _promote(models, second, "m1")
    shutil.rmtree(second)  # what is in force is a copy
    assert Classifier.load(in_force(models)).version == "m2"

    assert rollback(models, clock=_clock) == "m1"
    assert in_force(models).name == "m1"
    assert rollback(models, clock=_clock) is None
    assert in_force(models) == committed
    with pytest.raises(ConfigError, match="committed weights are in force already"):
        rollback(models, clock=_clock)

    assert [(one.action, one.version) for one in promotions(models)] == [
        ("promote", "m1"),
        ("promote", "m2"),
        ("rollback", "m1"),
        ("rollback", None),
    ]
    assert all(one.at == NOON for one in promotions(models))


def test_what_was_rolled_back_can_be_promoted_again(built: Built, tmp_path: Path) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")
    _promote(models, first, "m0")
    rollback(models, clock=_clock)
    _promote(models, first, "m0")
    assert in_force(models).name == "m1"
    assert rollback(models, clock=_clock) is None


@given(steps=st.lists(st.booleans(), max_size=8))
@settings(max_examples=20)
def test_rollback_undoes_promotions_like_a_stack(
    built: Built, tmp_path_factory: pytest.TempPathFactory, steps: list[bool]
) -> None:
    tmp_path = tmp_path_factory.mktemp("stack")
    models, expected = tmp_path / "models", ["m0"]
    for number, forward in enumerate(steps, 1):
        if forward:
            _promote(models, _weights(built, tmp_path / f"m{number}", f"m{number}"), expected[-1])
            expected.append(f"m{number}")
        elif len(expected) > 1:
            rollback(models, clock=_clock)
            expected.pop()
        assert read_manifest(in_force(models)).model_version == expected[-1]


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("m0", "m1", 0.0, 0.5, ("too little",), {}),
        _better("m0", "another"),
        _better("another", "m1"),  # somebody else promoted meanwhile
    ],
)
def test_a_verdict_that_does_not_allow_it_changes_nothing(built: Built, tmp_path: Path, verdict: Verdict) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")
    with pytest.raises(ConfigError, match="measure it again"):
        promote(models, first, verdict, clock=_clock)
    assert promotions(models) == ()


def test_a_damaged_candidate_is_refused(built: Built, tmp_path: Path) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")
    name = next(name for name in built.manifest.files if name.endswith(".onnx"))
    (first / name).write_bytes(b"something else")
    with pytest.raises(ArtefactError, match="is not the file that the manifest describes"):
        _promote(models, first, "m0")


def test_another_model_of_the_same_version_is_refused(built: Built, tmp_path: Path) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")
    _promote(models, first, "m0")
    rollback(models, clock=_clock)
    write_manifest(first, msgspec.structs.replace(read_manifest(first), training={"seed": 0, "steps": 7}))
    with pytest.raises(ArtefactError, match="other weights under the same version"):
        _promote(models, first, "m0")


def test_a_version_that_would_lead_out_of_the_folder_is_refused(built: Built, tmp_path: Path) -> None:
    odd = _weights(built, tmp_path / "odd", "../odd")
    with pytest.raises(ArtefactError, match="cannot name a folder"):
        promote(tmp_path / "models", odd, _better("m0", "../odd"), clock=_clock)


def test_dying_between_the_copy_and_the_switch_leaves_the_old_model_in_force(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: Path
) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(registry, "append", die)
        with pytest.raises(KeyboardInterrupt):
            _promote(models, first, "m0")
    assert in_force(models) == committed
    _promote(models, first, "m0")
    assert in_force(models).name == "m1"


def test_dying_in_the_middle_of_the_copy_leaves_no_half_version(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")
    copied: list[object] = []

    def copy_one(source: Path, target: Path) -> None:
        if copied:
            raise KeyboardInterrupt
        copied.append(target)
        target.write_bytes(source.read_bytes())

    with monkeypatch.context() as patched:
        patched.setattr(registry.shutil, "copyfile", copy_one)
        with pytest.raises(KeyboardInterrupt):
            _promote(models, first, "m0")
    assert [one.name for one in (models / "versions").iterdir()] == [".m1.part"]
    _promote(models, first, "m0")
    assert Classifier.load(in_force(models)).version == "m1"


def _changes(*changes: tuple[str, str | None]) -> str:
    return json.dumps([{"at": NOON.isoformat(), "action": action, "version": version} for action, version in changes])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        _changes(("promote", "../m1")),
        _changes(("promote", None)),
        _changes(("rollback", None)),
        _changes(("promote", "m1"), ("rollback", "m1")),
    ],
)
def test_a_file_of_promotions_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / PROMOTIONS).write_text(text)
    with pytest.raises(ArtefactError, match="cannot be read"):
        in_force(tmp_path)


def test_a_promoted_version_that_is_gone_is_told_with_the_way_out(built: Built, tmp_path: Path) -> None:
    models, first = tmp_path / "models", _weights(built, tmp_path / "m1", "m1")
    shutil.rmtree(_promote(models, first, "m0"))
    with pytest.raises(ArtefactError, match="yuqing model rollback"):
        in_force(models)
    assert rollback(models, clock=_clock) is None


def test_the_command_refuses_a_model_that_is_no_better_and_says_why(built: Built, tmp_path: Path) -> None:
    candidate = _weights(built, tmp_path / "m1", "m1")
    command = ["model", "promote", str(candidate), "--data", str(built.data), "--models", str(tmp_path / "models")]
    result = RUN.invoke(app, [*command, "--json"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["promoted"], answer["gain"], answer["incumbent"], answer["candidate"]) == (False, 0.0, "m0", "m1")
    assert "below the margin" in result.stderr
    assert RUN.invoke(app, command).exit_code == 1
    assert not (tmp_path / "models" / PROMOTIONS).exists()


def test_the_commands_promote_list_and_go_back(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate, models = _weights(built, tmp_path / "m1", "m1"), ["--models", str(tmp_path / "models")]
    monkeypatch.setattr("model.commands_models.judge", lambda *_, **__: _better("m0", "m1"))
    result = RUN.invoke(app, ["model", "promote", str(candidate), "--data", str(built.data), *models])
    assert result.exit_code == 0, result.stderr
    assert "m1 is in force from the next start on" in result.stdout

    again = RUN.invoke(app, ["model", "promote", str(candidate), "--data", str(built.data), *models])
    assert (again.exit_code, "in force already" in again.stderr) == (2, True)

    listed = json.loads(RUN.invoke(app, ["model", "list", "--json", *models]).stdout)
    assert listed["in_force"] == "m1"
    assert [one["action"] for one in listed["changes"]] == ["promote"]
    assert "in force: m1" in RUN.invoke(app, ["model", "list", *models]).stdout

    assert json.loads(RUN.invoke(app, ["model", "rollback", "--json", *models]).stdout) == {"in_force": "m0"}
    assert RUN.invoke(app, ["model", "rollback", *models]).exit_code == 2


def test_without_a_models_folder_the_command_says_where_to_name_one() -> None:
    result = RUN.invoke(app, ["model", "list"])
    assert result.exit_code == 2
    assert "[model]" in result.stderr
