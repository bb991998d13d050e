"""The score counts what the tests noticed, and nothing that did not run."""

from __future__ import annotations

import json
from pathlib import Path

import mutation_score


def noted(folder: Path, file: str, **codes: int | None) -> None:
    path = folder / f"{file}.meta"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"exit_code_by_key": dict(codes)}))


def test_a_mutant_is_killed_by_a_failure_or_by_running_for_ever_and_survives_a_pass(tmp_path: Path) -> None:
    noted(tmp_path, "storage/ledger.py", a=1, b=3, c=36, d=-24, e=0)
    noted(tmp_path, "storage/audit.py", f=1, g=33, h=None, i=-11)
    noted(tmp_path, "storage/tables.py")

    report = mutation_score.report_of(tmp_path)

    counts = {name: report[name] for name in ("total", "killed", "survived", "untested", "not_run")}
    assert counts == {"total": 9, "killed": 5, "survived": 1, "untested": 1, "not_run": 2}
    assert report["score"] == round(5 / 7, 4)
    assert list(report["by_file"]) == ["storage/audit.py", "storage/ledger.py"]
    assert report["by_file"]["storage/ledger.py"]["survivors"] == ["e"]
    assert report["by_file"]["storage/ledger.py"]["score"] == 0.8


def test_without_a_mutant_there_is_no_score(tmp_path: Path) -> None:
    assert mutation_score.report_of(tmp_path)["score"] == 0.0
