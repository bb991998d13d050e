"""`yuqing evaluate` in depth: intervals, slices, rivals, rows that name entities, and a report with pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_model import Built
from typer.testing import CliRunner

from model.commands import app

RUN = CliRunner()
PNG = b"\x89PNG\r\n\x1a\n"


def _evaluate(built: Built, *arguments: str) -> dict[str, object]:
    result = RUN.invoke(app, ["evaluate", *arguments, "--json", "--weights", str(built.folder), "--resamples", "200"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_file_is_measured_from_every_side(built: Built) -> None:
    (news,) = _evaluate(built, str(built.data / "news.jsonl"))["files"]
    bounds = news["intervals"]
    assert bounds["accuracy"]["low"] <= news["accuracy"] <= bounds["accuracy"]["high"]
    assert bounds["macro_f1"]["low"] <= news["macro_f1"] <= bounds["macro_f1"]["high"]
    assert (bounds["level"], bounds["resamples"], bounds["texts"]) == (0.95, 200, 150)
    assert sum(part["rows"] for part in news["slices"]["length"].values()) == 150
    assert news["slices"]["language"]["en"]["rows"] == 150
    assert sum(one["rows"] for one in news["reliability"]) == 150
    gap = sum(one["rows"] * abs(one["confidence"] - one["accuracy"]) for one in news["reliability"]) / 150
    assert gap == pytest.approx(news["calibration_error"])
    assert news["comparisons"] == []
    assert news["sentiment_of"] == "document"


def test_several_topics_have_no_reliability_and_no_tf_idf(built: Built) -> None:
    (flash,) = _evaluate(built, str(built.data / "zh_flash.jsonl"), "--split", "test", "--baseline")["files"]
    assert flash["reliability"] == []
    assert flash["comparisons"] == []
    assert flash["sentiment_of"] is None
    assert "baseline" not in flash


def test_a_model_is_compared_with_itself_and_with_tf_idf_on_the_same_rows(built: Built) -> None:
    arguments = ["--split", "test", "--baseline", "--against", str(built.folder)]
    (news,) = _evaluate(built, str(built.data / "news.jsonl"), *arguments)["files"]
    itself, tfidf = news["comparisons"]
    assert itself["against"] == built.manifest.model_version
    assert (itself["accuracy"], itself["only_ours"], itself["only_theirs"]) == (news["accuracy"], 0, 0)
    assert itself["p_value"] == 1.0
    assert tfidf["against"] == "tfidf"
    assert tfidf["accuracy"] == news["baseline"]
    difference = (tfidf["only_ours"] - tfidf["only_theirs"]) / news["rows"]
    assert news["accuracy"] - tfidf["accuracy"] == pytest.approx(difference)


def test_rows_of_one_headline_are_each_asked_about_their_company(built: Built, tmp_path: Path) -> None:
    rows = [
        {"text": f"{one} shares rise, {two} shares fall", "entity": entity, "label": label}
        for one, two in (("Amber", "Birch"), ("Cedar", "Delta"))
        for entity, label in ((one, "positive"), (two, "negative"))
    ]
    path = tmp_path / "entities.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0] | {"label": "neutral"}]))
    (measured,) = _evaluate(built, str(path))["files"]
    assert measured["rows"] == 5
    assert measured["intervals"]["texts"] == 2
    assert measured["sentiment_of"] == "entity"


def test_the_report_shows_what_was_measured(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    files = [str(built.data / f"{name}.jsonl") for name in ("news", "zh_risk", "zh_flash")]
    answer = _evaluate(built, *files, "--split", "test", "--baseline", "--report", str(folder))
    page = (folder / "report.md").read_text(encoding="utf-8")
    for one in answer["files"]:
        assert f"## {one['file']}" in page
        assert f"accuracy {one['accuracy']:.4f} [" in page
    pictures = sorted(path.name for path in folder.glob("*.png"))
    assert pictures == ["01-confusion.png", "01-reliability.png", "02-confusion.png", "02-reliability.png"]
    assert all(f"({name})" in page for name in pictures)
    assert all((folder / name).read_bytes().startswith(PNG) for name in pictures)
    assert "Change of shareholder or controller" in page
    assert "tfidf" in page
    assert "no confusion matrix" in page


def test_a_report_that_cannot_be_written_is_wrong_use(built: Built, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("in the way")
    command = ["evaluate", str(built.data / "news.jsonl"), "--weights", str(built.folder), "--report", str(taken)]
    result = RUN.invoke(app, command)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert result.stdout == ""


def test_the_tables_name_intervals_slices_and_rivals(built: Built) -> None:
    files = [str(built.data / "news.jsonl"), str(built.data / "zh_risk.jsonl")]
    command = ["evaluate", *files, "--split", "test", "--baseline", "--weights", str(built.folder)]
    result = RUN.invoke(app, command)
    assert result.exit_code == 0
    for word in ("95% intervals", "McNemar", "tfidf", "["):
        assert word in result.stdout
