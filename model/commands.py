"""The commands of this room: `train` and `evaluate`. Results go to stdout, everything else to stderr.

Exit codes: 0 fine, 1 something is wrong (the weights, a library), 2 wrong use (a file, a configuration, an option).
"""

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from model.classifier import Classifier
from model.commands_lifecycle import register
from model.datasets import Row, document_rows, read_rows, task_of_rows
from model.errors import ConfigError, DataError, EngineError, ModelError
from model.evaluation import Report, evaluate
from model.splits import parts
from model.tasks import Task

app = typer.Typer(help="Train the model, and measure it.", no_args_is_help=True)
register(app)
CONFIG = Path(__file__).with_name("config.toml")


class Split(StrEnum):
    """Which rows of a file are measured."""

    test = "test"
    all = "all"


class EngineName(StrEnum):
    """Which engine runs."""

    auto = "auto"
    onnx = "onnx"
    torch = "torch"


@app.command("train")
def train_command(
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl).")],
    out: Annotated[Path, typer.Option(help="Build folder; a run found in it is gone on with.")],
    config: Annotated[Path, typer.Option(help="The run, as TOML.")] = CONFIG,
    weights: Annotated[Path | None, typer.Option(help="Copy the finished weights here as well.")] = None,
) -> None:
    """Train, export, calibrate and measure a model; may be stopped at any moment and run again."""
    with _explained():
        _log_to_stderr()
        from model.config import read_config

        run = read_config(config)
        try:
            from model.build import build, publish
        except ImportError as error:
            raise EngineError(f"training needs {error.name}: pip install 'yuqing[train]'") from error
        manifest = build(data, run, out)
        if weights is not None:
            publish(out, weights)
        typer.echo(f"{manifest.model_version} in {weights or out}")
        for name, measured in manifest.metrics.items():
            typer.echo(f"  {name}: accuracy {measured['accuracy']:.4f}, macro-F1 {measured['macro_f1']:.4f}")


@app.command("evaluate")
def evaluate_command(
    files: Annotated[list[Path], typer.Argument(help="Labelled files; the task follows from their labels.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
    split: Annotated[Split, typer.Option(help="All rows, or the part that training never saw.")] = Split.all,
    weights: Annotated[Path | None, typer.Option(help="Weights folder; the committed one if left out.")] = None,
    engine: Annotated[EngineName, typer.Option(help="What runs the network.")] = EngineName.auto,
    baseline: Annotated[bool, typer.Option(help="Compare with TF-IDF on the same test part.")] = False,
) -> None:
    """Measure the model on labelled files."""
    with _explained():
        _log_to_stderr()
        if baseline and split is not Split.test:
            raise ConfigError("--baseline learns from the train part, so it needs --split test")
        classifier = Classifier.load(weights, engine=engine.value)
        seed = int(classifier.manifest.training.get("seed", 0))
        measured = [_measure(classifier, path, split, seed, baseline) for path in files]
        if as_json:
            sys.stdout.write(msgspec.json.encode(_answer(classifier, split, measured)).decode() + "\n")
        else:
            Console().print(_table(classifier, split, measured))


def _measure(
    classifier: Classifier, path: Path, split: Split, seed: int, baseline: bool
) -> tuple[Path, Report, float | None]:
    rows = read_rows(path)
    task = task_of_rows(rows)
    if split is Split.all:
        return path, evaluate(classifier, rows, task), None
    texts = document_rows(rows)
    places = parts([row.text for row in texts], seed=seed)
    train, dev, test = ([texts[i] for i in places[part]] for part in ("train", "dev", "test"))
    if not test:
        raise DataError(f"{path} has no row in its test part: {len(texts)} texts are too few to split")
    return path, evaluate(classifier, test, task), _baseline(task, train, dev, test) if baseline else None


def _baseline(task: Task, train: Sequence[Row], dev: Sequence[Row], test: Sequence[Row]) -> float | None:
    if task.kind == "topics":
        return None
    from model.baseline import baseline_accuracy

    return baseline_accuracy(train, dev, test)


def _answer(
    classifier: Classifier, split: Split, measured: Sequence[tuple[Path, Report, float | None]]
) -> dict[str, Any]:
    files = [
        {"file": path.name, **msgspec.to_builtins(report)} | ({} if accuracy is None else {"baseline": accuracy})
        for path, report, accuracy in measured
    ]
    version, engine = classifier.version, classifier.engine_name
    return {"model_version": version, "engine": engine, "split": split.value, "files": files}


def _table(classifier: Classifier, split: Split, measured: Sequence[tuple[Path, Report, float | None]]) -> Table:
    table = Table(title=f"{classifier.version}, {classifier.engine_name}, {split.value} rows")
    for column in ("file", "task", "rows", "accuracy", "macro-F1", "ECE", "TF-IDF", "texts/s"):
        table.add_column(column, justify="left" if column in ("file", "task") else "right")
    for path, report, accuracy in measured:
        error = report.calibration_error
        table.add_row(
            path.name,
            report.task,
            str(report.rows),
            f"{report.accuracy:.4f}",
            f"{report.macro_f1:.4f}",
            "" if error is None else f"{error:.3f}",
            "" if accuracy is None else f"{accuracy:.4f}",
            f"{report.texts_per_second:.0f}",
        )
    return table


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        typer.echo(f"yuqing: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError | DataError) else 1) from None


def _log_to_stderr() -> None:
    if not logging.getLogger().handlers:
        handler = RichHandler(console=Console(stderr=True), show_path=False)
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
