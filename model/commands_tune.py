"""`yuqing tune`: search for better settings of a run; as a grid over options and seeds, an ablation."""

import csv
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from model.command_frame import explained, print_json
from model.command_log import log_to_stderr
from model.config import read_config
from model.errors import EngineError
from model.search_space import SEED, read_space

if TYPE_CHECKING:
    from model.tuning import Group, Trial

__all__ = ["tune_command"]

CONFIG = Path(__file__).with_name("config.toml")


class SamplerName(StrEnum):
    """How settings are chosen."""

    tpe = "tpe"
    random = "random"
    grid = "grid"


def tune_command(
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl).")],
    space: Annotated[Path, typer.Option(help="The parameters and their values, as TOML.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; a search found in it is gone on with.")],
    config: Annotated[Path, typer.Option(help="The run whose settings are varied, as TOML.")] = CONFIG,
    sampler: Annotated[SamplerName, typer.Option(help="How settings are chosen.")] = SamplerName.tpe,
    trials: Annotated[int, typer.Option(help="Finished trials in all; a grid ends with its last.", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Train with many settings, give up the worse early, and print one table; may be stopped and run again."""
    with explained():
        log_to_stderr()
        run, parameters = read_config(config), read_space(space)
        try:
            from model.tuning import grouped, tune
        except ImportError as error:
            raise EngineError(f"tuning needs {error.name}: pip install 'yuqing[train]'") from error
        found = tune(data, run, parameters, out, sampler=sampler.value, trials=trials)
        groups = grouped(found) if SEED in parameters.parameters else []
        result = {"metric": parameters.metric, "trials": found, "over_seeds": groups}
        (out / "trials.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
        _write_csv(out / "trials.csv", found, list(parameters.parameters))
        if as_json:
            print_json(result)
            return
        Console().print(_table(found, list(parameters.parameters), parameters.metric))
        if groups:
            Console().print(_over_seeds(groups, parameters.metric))


def _write_csv(path: Path, trials: "Sequence[Trial]", names: Sequence[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["trial", "state", "value", "passes", "seconds", *names])
        for one in trials:
            row = [one.number, one.state, one.value, one.passes, round(one.seconds, 1)]
            writer.writerow([*row, *(one.settings.get(name) for name in names)])


def _table(trials: "Sequence[Trial]", names: Sequence[str], metric: str) -> Table:
    table = Table("trial", "state", f"dev {metric}", "passes", "seconds", *names)
    for one in trials:
        value = "" if one.value is None else f"{one.value:.4f}"
        chosen = [_shown(one.settings.get(name)) for name in names]
        table.add_row(str(one.number), one.state, value, str(one.passes), f"{one.seconds:.0f}", *chosen)
    return table


def _over_seeds(groups: "Sequence[Group]", metric: str) -> Table:
    names = list(groups[0].settings)
    table = Table(*names, "seeds", f"dev {metric}, mean", "standard deviation", title="over seeds")
    for one in groups:
        spread = "" if one.spread is None else f"{one.spread:.4f}"
        table.add_row(*(_shown(one.settings[name]) for name in names), str(one.trials), f"{one.mean:.4f}", spread)
    return table


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
