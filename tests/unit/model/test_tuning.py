"""Tuning: a search finds what was planted, goes on after a kill, and a grid over seeds is an ablation."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from small_model import CONFIG, Built
from typer.testing import CliRunner

import model.tuning
from model.commands import app
from model.errors import ConfigError
from model.pretrained import Pretrained
from model.search_space import Parameter, Space, read_space
from model.tuning import Trial, grouped, tune

RATE = "schedule.learning_rate"
SPACE = Space({RATE: Parameter(low=1e-5, high=1e-1, log=True), "repeat.posts": Parameter(choices=(0.0, 1.0))})


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Training replaced by a curve: three passes toward a value that is highest at a learning rate of 0.001."""
    runs: list[Any] = []

    def train_encoder(data: Any, sets: Any, run: Any, folder: Path, *, seed: int, watched: Any, **_: Any) -> Any:
        from math import log10

        runs.append((run, seed))
        folder.mkdir(parents=True)
        (folder / "network.pt").write_text(f"{run.schedule.learning_rate}")
        value = 0.9 - 0.1 * abs(log10(run.schedule.learning_rate) + 3) + 0.001 * seed
        for share in (0.5, 0.8, 1.0):
            watched({"news": value * share})
        return {"news": value}

    monkeypatch.setattr(model.tuning, "train_encoder", train_encoder)
    return runs


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_comes_near_the_best_and_prunes_what_lags(
    built: Built, trained: list[Any], tmp_path: Path, sampler: Any
) -> None:
    found = tune(built.data, CONFIG, SPACE, tmp_path, sampler=sampler, trials=25)
    assert len(found) == len(trained) == 25
    assert found[0].value is not None
    assert found[0].value > 0.85
    assert {one.state for one in found} == {"complete", "pruned"}
    assert all(one.passes < 3 for one in found if one.state == "pruned")
    (kept,) = (tmp_path / "trials").iterdir()
    assert float((kept / "network.pt").read_text()) == found[0].settings[RATE]


def test_a_search_goes_on_where_it_was(built: Built, trained: list[Any], tmp_path: Path) -> None:
    first = tune(built.data, CONFIG, SPACE, tmp_path, sampler="random", trials=3)
    both = tune(built.data, CONFIG, SPACE, tmp_path, sampler="random", trials=5)
    assert len(trained) == 5
    assert len({one.settings[RATE] for one in both}) == 5
    assert {one.number for one in first} < {one.number for one in both}


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_a_trial_that_was_cut_off_is_run_again(
    built: Built, trained: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: Any
) -> None:
    space = Space({RATE: Parameter(choices=(1e-4, 1e-3, 1e-2))})
    whole = model.tuning.train_encoder
    monkeypatch.setattr(model.tuning, "train_encoder", _killed)
    with pytest.raises(SystemExit):
        tune(built.data, CONFIG, space, tmp_path, sampler=sampler, trials=3)
    monkeypatch.setattr(model.tuning, "train_encoder", whole)
    found = tune(built.data, CONFIG, space, tmp_path, sampler=sampler, trials=3)
    assert sum(one.state in ("complete", "pruned") for one in found) == 3
    if sampler == "grid":
        assert {one.settings[RATE] for one in found if one.state == "complete"} == {1e-4, 1e-3, 1e-2}


def _killed(*_: Any, **__: Any) -> Any:
    raise SystemExit


def test_a_grid_is_gone_through_once_and_whole(built: Built, trained: list[Any], tmp_path: Path) -> None:
    space = Space({RATE: Parameter(choices=(1e-4, 1e-3)), "seed": Parameter(low=0, high=2, whole=True)})
    found = tune(built.data, CONFIG, space, tmp_path, sampler="grid", trials=100)
    assert [one.state for one in found] == ["complete"] * 6
    assert sorted(seed for _, seed in trained) == [0, 0, 1, 1, 2, 2]
    tune(built.data, CONFIG, space, tmp_path, sampler="grid", trials=100)
    assert len(trained) == 6
    best, other = grouped(found)
    assert best.settings == {RATE: 1e-3}
    assert best.mean == pytest.approx(0.901)
    assert best.spread == pytest.approx(0.001)
    assert other.trials == 3


def test_one_trial_has_no_spread() -> None:
    assert grouped([Trial(0, "complete", 0.5, 1, 1.0, {"seed": 1, "a": 2})])[0].spread is None


def test_options_put_a_table_in_or_leave_it_out() -> None:
    run = CONFIG.encoders["en"]
    options = Parameter(options={"none": {}, "some": {"share": 0.2, "deletion": 0.1}})
    space = Space({"augmentation": options, "stopping.patience": Parameter(choices=(4,))})
    off = space.applied(run, {"augmentation": "none"})
    some = space.applied(run, {"augmentation": "some", "stopping.patience": 4})
    assert off == run
    assert some.augmentation is not None
    assert (some.augmentation.deletion, some.stopping and some.stopping.patience) == (0.1, 4)


@pytest.mark.parametrize("name", ["schedule.passes", "schedule.colour"])
def test_a_setting_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be"):
        Space({name: Parameter(choices=(-1,))}).applied(CONFIG.encoders["en"], {name: -1})


def test_a_range_without_steps_has_no_grid() -> None:
    with pytest.raises(ConfigError, match="step"):
        SPACE.settings()
    assert Parameter(low=0.1, high=0.3, step=0.1).grid("a") == pytest.approx((0.1, 0.2, 0.3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[parameters.a]\nlow = 1", "either low and high"),
        ("[parameters.a]\nlow = 2\nhigh = 1", "above"),
        ("[parameters.a]\nlow = 1\nhigh = 2\nlog = true\nstep = 1", "log or step"),
        ("[parameters.a]\nchoices = [1]\ncolour = 2", "colour"),
    ],
)
def test_a_space_that_cannot_be_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_space(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_space(tmp_path / "absent.toml")


def test_the_command_prints_one_table_and_leaves_it_as_files(built: Built, trained: list[Any], tmp_path: Path) -> None:
    space, config, out = tmp_path / "space.toml", tmp_path / "config.toml", tmp_path / "out"
    space.write_text(f"[parameters.seed]\nchoices = [0, 1]\n[parameters.'{RATE}']\nchoices = [0.001]\n")
    config.write_bytes(msgspec.toml.encode({"encoders": {"en": {"languages": ["en", "zh"]}}}))
    command = ["tune", "--data", str(built.data), "--space", str(space), "--config", str(config), "--out", str(out)]
    result = CliRunner().invoke(app, [*command, "--sampler", "grid"])
    assert result.exit_code == 0, result.output
    assert "over seeds" in result.stdout
    printed = json.loads(CliRunner().invoke(app, [*command, "--sampler", "grid", "--json"]).stdout)
    assert printed == json.loads((out / "trials.json").read_text())
    assert [row["value"] for row in csv.DictReader((out / "trials.csv").open())] == ["0.901", "0.9"]


def test_a_trial_really_trains(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    short = msgspec.structs.replace(CONFIG.encoders["en"].schedule, passes=2.0)
    run = msgspec.structs.replace(CONFIG.encoders["en"], schedule=short)
    config = msgspec.structs.replace(CONFIG, encoders=CONFIG.encoders | {"en": run})
    space = Space({RATE: Parameter(choices=(2e-3,))}, metric="news")
    (one,) = tune(built.data, config, space, tmp_path, sampler="grid", trials=1, pretrained=pretrained)
    assert (one.state, one.passes) == ("complete", 2)
    assert one.value is not None
    assert one.value > 0.5


def test_an_encoder_that_is_not_there_is_named(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no encoder 'fr'"):
        tune(built.data, CONFIG, Space({}, encoder="fr"), tmp_path, sampler="random", trials=1)


def test_the_shipped_ablation_is_valid() -> None:
    space = read_space(Path(model.__file__).with_name("ablation.toml"))
    assert len(space.settings()) == 18
    for settings in space.settings():
        space.applied(CONFIG.encoders["en"], settings)
