"""`yuqing model promote|rollback|list|card|widen`: which weights are in force, and the measurement that put them there.

A process loads its weights when it starts: the scorer reads with the new model once it is started again.
"""

import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from model.artefact import COMMITTED, read_manifest
from model.card import model_card
from model.classifier import Classifier
from model.command_frame import explained, print_json
from model.commands_widen import widen_command
from model.datasets import read_folder
from model.errors import ConfigError
from model.promotion import frozen_rows, judge
from model.promotion_log import Promotion, promotions
from model.registry import in_force, promote, rollback
from model.verdicts import Bar, Verdict

__all__ = ["app"]

app = typer.Typer(help="Promote a model, go back, and see which is in force.", no_args_is_help=True)
app.command("widen")(widen_command)
_BAR = Bar()

Models = Annotated[
    Path | None, typer.Option(help="Models folder; left out: the setting model.models.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]


@app.command("promote")
def promote_command(
    candidate: Annotated[Path, typer.Argument(help="A weights folder, as `yuqing train` makes it.")],
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl); their dev parts are asked.")],
    models: Models = None,
    margin: Annotated[float, typer.Option(help="Least mean gain in accuracy, a share.", min=0)] = _BAR.margin,
    as_json: AsJson = False,
) -> None:
    """Put a model in force if it is better than the one that is; exit code 1 and no change if it is not."""
    with explained():
        shelf = _named(models)
        incumbent, challenger = Classifier.load(in_force(shelf)), Classifier.load(candidate)
        if challenger.version == incumbent.version:
            raise ConfigError(f"{challenger.version} is in force already")
        rows = frozen_rows(read_folder(data))
        bar = Bar(margin=margin)
        verdict = judge(incumbent, challenger, rows, bar, rng=np.random.default_rng(0))
        if verdict.better:
            promote(shelf, candidate, verdict, clock=_now)
        if as_json:
            print_json({"promoted": verdict.better, "bar": bar} | msgspec.to_builtins(verdict))
        else:
            Console().print(_compared(verdict))
            typer.echo(f"{challenger.version} is in force from the next start on" if verdict.better else "not promoted")
        for reason in verdict.reasons:
            typer.echo(f"yuqing: {reason}", err=True)
        if not verdict.better:
            raise typer.Exit(1)


@app.command("card")
def card_command(
    weights: Annotated[Path | None, typer.Option(help="Weights folder; the committed one if left out.")] = None,
) -> None:
    """Print the model card: what a model is for, what it learned from, how good it is and where it fails."""
    with explained():
        folder = weights or COMMITTED
        typer.echo(model_card(folder, read_manifest(folder)), nl=False)


@app.command("rollback")
def rollback_command(models: Models = None, as_json: AsJson = False) -> None:
    """Put back in force what the last promotion replaced."""
    with explained():
        shelf = _named(models)
        rollback(shelf, clock=_now)
        version = read_manifest(in_force(shelf)).model_version
        if as_json:
            print_json({"in_force": version})
        else:
            typer.echo(f"{version} is in force from the next start on")


@app.command("list")
def list_command(models: Models = None, as_json: AsJson = False) -> None:
    """Show which model is in force, and every promotion and rollback."""
    with explained():
        shelf = _named(models)
        folder, changes = in_force(shelf), promotions(shelf)
        version = read_manifest(folder).model_version
        if as_json:
            print_json({"in_force": version, "folder": str(folder), "changes": changes})
        else:
            typer.echo(f"in force: {version} ({folder})")
            if changes:
                Console().print(_history(changes))


def _named(models: Path | None) -> Path:
    if models is None:
        raise ConfigError('no models folder is named: give --models FOLDER, or set models = "FOLDER" under [model]')
    return models


def _compared(verdict: Verdict) -> Table:
    title = f"{verdict.candidate} against {verdict.incumbent}: {verdict.gain:+.4f}, p = {verdict.p_value:.4f}"
    table = Table("file", title=title)
    for column in ("rows", "in force", "candidate", "won", "lost", "p worse"):
        table.add_column(column, justify="right")
    for name, one in verdict.files.items():
        figures = (f"{one.incumbent:.4f}", f"{one.candidate:.4f}", str(one.only_candidate), str(one.only_incumbent))
        table.add_row(name, str(one.rows), *figures, f"{one.p_worse:.3f}")
    return table


def _history(changes: tuple[Promotion, ...]) -> Table:
    table = Table("at", "change", "in force since", "gain", "p")
    for one in changes:
        measured = ("", "") if one.verdict is None else (f"{one.verdict.gain:+.4f}", f"{one.verdict.p_value:.4f}")
        table.add_row(f"{one.at:%Y-%m-%d %H:%M}Z", one.action, one.version or "the committed weights", *measured)
    return table


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
