"""`yuqing evaluate`: labelled files in, measurements out."""

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from model.classifier import Classifier
from model.command_frame import explained, print_json
from model.command_log import log_to_stderr
from model.errors import ConfigError
from model.intervals import RESAMPLES
from model.measurement import Measured, chosen_rows, measure
from model.measurement_tables import certainty, overview, rivals

log = logging.getLogger(__name__)


class Split(StrEnum):
    """Which rows of a file are measured."""

    test = "test"
    all = "all"


class EngineName(StrEnum):
    """Which engine runs."""

    auto = "auto"
    onnx = "onnx"
    torch = "torch"
    cuda = "cuda"


def evaluate_command(
    files: Annotated[list[Path], typer.Argument(help="Labelled files; the task follows from their labels.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
    split: Annotated[Split, typer.Option(help="All rows, or the part that training never saw.")] = Split.all,
    weights: Annotated[Path | None, typer.Option(help="Weights folder; the committed one if left out.")] = None,
    engine: Annotated[EngineName, typer.Option(help="What runs the network.")] = EngineName.auto,
    baseline: Annotated[bool, typer.Option(help="Compare with TF-IDF on the same test part.")] = False,
    against: Annotated[list[Path] | None, typer.Option(help="Another weights folder; may be given again.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for report.md and its pictures.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples behind each interval.")] = RESAMPLES,
) -> None:
    """Measure the model on labelled files, with intervals, by slices, and beside other models."""
    with explained():
        log_to_stderr()
        if baseline and split is not Split.test:
            raise ConfigError("--baseline learns from the train part, so it needs --split test")
        classifier = Classifier.load(weights, engine=engine.value)
        others = [Classifier.load(folder) for folder in against or []]
        held_out, seed = split is Split.test, _seed(classifier)
        if held_out and any(_seed(other) != seed for other in others):
            log.warning("a model of another seed is compared: it may have learned from rows of this test part")
        measured = []
        for path in files:
            rows = chosen_rows(path, held_out=held_out, seed=seed)
            measured.append(measure(path, rows, classifier, others=others, baseline=baseline, resamples=resamples))
        title = f"{classifier.version}, {classifier.engine_name}, {split.value} rows"
        if report is not None:
            from model.report_pages import write_report

            log.info("written: %s", write_report(report, title, measured))
        if as_json:
            print_json(_object(classifier, split, measured))
        else:
            _print(title, measured)


def _seed(classifier: Classifier) -> int:
    return int(classifier.manifest.training.get("seed", 0))


def _object(classifier: Classifier, split: Split, measured: list[Measured]) -> dict[str, Any]:
    head = {"model_version": classifier.version, "engine": classifier.engine_name, "split": split.value}
    return head | {"files": [one.to_builtins() for one in measured]}


def _print(title: str, measured: list[Measured]) -> None:
    console = Console()
    for table in (overview(title, measured), certainty(measured), rivals(measured)):
        if table is not None:
            console.print(table)
