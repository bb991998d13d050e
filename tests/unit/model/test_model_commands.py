"""The two commands: one JSON object on stdout, reasons on stderr, and an exit code that tells them apart."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_model import Built
from typer.testing import CliRunner

import model
from model.commands import app
from model.pretrained import Pretrained

RUN = CliRunner()


def _labelled(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    return path


def test_evaluate_prints_one_object(built: Built) -> None:
    files = [str(built.data / "news.jsonl"), str(built.data / "zh_flash.jsonl")]
    result = RUN.invoke(app, ["evaluate", *files, "--json", "--weights", str(built.folder)])
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["model_version"] == built.manifest.model_version
    assert [one["file"] for one in answer["files"]] == ["news.jsonl", "zh_flash.jsonl"]
    assert [one["task"] for one in answer["files"]] == ["sentiment", "newsflash_topics"]
    assert answer["files"][0]["rows"] == 150
    assert {"accuracy", "macro_f1", "calibration_error", "classes", "confusion"} <= set(answer["files"][0])


def test_the_test_part_is_what_the_manifest_was_measured_on(built: Built) -> None:
    command = ["evaluate", str(built.data / "news.jsonl"), "--json", "--split", "test", "--baseline"]
    answer = json.loads(RUN.invoke(app, [*command, "--weights", str(built.folder)]).stdout)
    (measured,) = answer["files"]
    assert measured["rows"] == built.manifest.metrics["news"]["rows"]
    assert measured["accuracy"] == pytest.approx(built.manifest.metrics["news"]["accuracy"], abs=1e-4)
    assert measured["baseline"] > 0.5


def test_without_json_there_is_a_table(built: Built) -> None:
    files = [str(built.data / "zh_flash.jsonl"), str(built.data / "news.jsonl")]
    result = RUN.invoke(app, ["evaluate", *files, "--split", "test", "--baseline", "--weights", str(built.folder)])
    assert result.exit_code == 0
    assert "macro-F1" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["absent.jsonl"], 2, "cannot be read"),
        (["{odd}"], 2, "no task knows these labels"),
        (["{few}", "--split", "test"], 2, "too few to split"),
        (["{few}", "--baseline"], 2, "needs --split test"),
        (["{few}", "--weights", "{empty}"], 1, "no weights in"),
        (["{few}", "--split", "most"], 2, "most"),
    ],
)
def test_what_goes_wrong_is_named(built: Built, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    paths = {
        "odd": str(_labelled(tmp_path / "odd.jsonl", [("fine day", "sunny")])),
        "few": str(_labelled(tmp_path / "few.jsonl", [("shares fall", "negative")])),
        "empty": str(tmp_path),
    }
    filled = [argument.format(**paths) for argument in arguments]
    if "--weights" not in filled:
        filled += ["--weights", str(built.folder)]
    result = RUN.invoke(app, ["evaluate", *filled])
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


def test_train_goes_from_data_to_weights(
    built: Built, pretrained: Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.encoder_run.installed_file", lambda: Path("unused"))
    monkeypatch.setattr("model.encoder_run.read_pretrained", lambda _: pretrained)
    config = tmp_path / "config.toml"
    config.write_text(
        "seed = 1\n[encoders.one.encoder]\nlayers = [0]\nmax_tokens = 16\nvocabulary_text = ['../nowhere']\n"
        "[encoders.one.schedule]\npasses = 0.3\nbatch_tokens = 300\n[encoders.one.repeat]\nposts = 0\n"
    )
    command = ["train", "--data", str(built.data), "--config", str(config), "--out", str(tmp_path / "build")]
    result = RUN.invoke(app, [*command, "--weights", str(tmp_path / "weights")])
    assert result.exit_code == 0, result.output
    assert "news: accuracy" in result.stdout
    assert model.Classifier.load(tmp_path / "weights").manifest.routes == {"en": "one", "zh": "one"}


def test_train_names_what_is_missing(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["train", "--data", str(tmp_path), "--out", str(tmp_path / "build")])
    assert result.exit_code == 2
    assert "holds no labelled files" in result.stderr


def test_the_room_exports_what_exists_and_needs_no_torch() -> None:
    assert all(hasattr(model, name) for name in model.__all__)
    code = (
        "import sys, model, model.commands; model.Classifier.load().predict(['x']); "
        "print({'torch', 'transformers', 'sklearn', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
