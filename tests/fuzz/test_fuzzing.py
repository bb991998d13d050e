"""Every parser survives a few thousand inputs at each `make test`, and the fuzzer finds what it is there to find."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fuzz
import pytest
from attempt import Failure, attempt, deepest, input_of
from campaign import Campaign, shares
from faulty_targets import load_faulty, load_sound
from mutations import MOST_BYTES
from targets import TARGETS


def test_every_parser_survives_hostile_inputs(tmp_path: Path) -> None:
    """The short form of `make fuzz`: the same code, the same bounds, always the same inputs."""
    out = tmp_path / "fuzz.json"
    command = [sys.executable, fuzz.__file__, "--inputs", "2500", "--seed", "20", "--out", str(out)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(out.read_text())
    assert (report["inputs"], report["failures"], report["seed"]) == (2500, 0, 20)
    assert {name: entry["inputs"] for name, entry in report["targets"].items()} == shares(TARGETS, 2500)
    assert all(entry["survived"] + entry["refused"] == entry["inputs"] for entry in report["targets"].values())


@pytest.mark.parametrize("name", TARGETS)
def test_examples_are_taken(name: str) -> None:
    """An example that its parser refuses would leave what lies behind the first check unseen."""
    assert attempt(TARGETS[name], TARGETS[name].examples[0]) is True


def test_a_seed_and_a_number_name_an_input() -> None:
    target = TARGETS["raw_record"]
    inputs = [input_of(target, 1, number) for number in range(200)]
    assert inputs == [input_of(target, 1, number) for number in range(200)]
    assert inputs != [input_of(target, 2, number) for number in range(200)]
    assert len(set(inputs)) > 150
    assert max(map(len, inputs)) <= MOST_BYTES


def campaign(folder: Path, load: Any, begin_with: dict[str, Any] | None = None, inputs: int = 400) -> Campaign:
    return Campaign(load, inputs=inputs, seed=3, folder=folder, begin_with=begin_with)


def test_errors_loops_crashes_hoarding_and_broken_promises_are_found_and_their_inputs_kept(tmp_path: Path) -> None:
    report = campaign(tmp_path, load_faulty, inputs=60).run(lambda _: None)

    found = {name: entry["failures"][0] for name, entry in report["targets"].items()}
    errors = {name: one["error"].split(":")[0] for name, one in found.items()}
    assert errors == {
        "raises": "ValueError",
        "loops": "Hang",
        "dies": "Crash",
        "hoards": "MemoryError",
        "breaks_its_promise": "BrokenPromiseError",
    }
    assert report["inputs"] == 60, "a process that died is followed by one that goes on behind the input"
    for name, one in found.items():
        assert (tmp_path / one["file"]).read_bytes() == input_of(load_faulty()[name], 3, one["number"])
    assert "_loops" in found["loops"]["where"]
    assert all("faulty_targets" in found[name]["where"] for name in found if name != "dies")


def test_a_campaign_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    class CutOffError(Exception):
        pass

    def cut_off(report: dict[str, Any]) -> None:
        kept.write_text(json.dumps(report))
        raise CutOffError

    kept = tmp_path / "report.json"
    with pytest.raises(CutOffError):
        campaign(tmp_path, load_sound).run(cut_off)
    begun = json.loads(kept.read_text())
    assert 0 < begun["inputs"] < 400

    resumed = campaign(tmp_path, load_sound, begun).run(lambda _: None)

    assert {name: entry["inputs"] for name, entry in resumed["targets"].items()} == {"first": 200, "second": 200}
    assert resumed["inputs"] == 400


def test_a_saved_input_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz, "bound_this_process", lambda: None)  # it could not be taken back
    saved = tmp_path / "times-1-4.bin"
    saved.write_bytes(b"2026-03-02T11:58:00Z")
    assert fuzz.main(["--again", str(saved)]) == 0
    assert capsys.readouterr().out == "survived\n"


def test_an_error_that_is_documented_is_no_failure_and_any_other_is() -> None:
    refusing = TARGETS["raw_record"]
    assert attempt(refusing, b"{") is False
    failure = attempt(load_faulty()["raises"], b"777")
    assert failure is True, "777 is a number"
    failure = attempt(load_faulty()["raises"], b"777 and more")
    assert isinstance(failure, Failure)
    assert failure.where.startswith("tests/fuzz/faulty_targets.py:")


def test_the_place_of_a_hang_is_the_deepest_line_of_ours() -> None:
    here = Path(__file__).resolve()
    frames = (("/usr/lib/re.py", 1, "match"), (here, 7, "inner"), (here, 9, "outer"))
    dump = "".join(f'  File "{file}", line {line} in {function}\n' for file, line, function in frames)
    assert deepest(f"Current thread:\n{dump}") == "tests/fuzz/test_fuzzing.py:7 inner"
