"""`yuqing ensemble`: what models say together with TF-IDF, averaged and stacked, beside each of them alone."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from model.artefact import COMMITTED, MANIFEST, read_manifest
from model.command_frame import explained, print_json
from model.command_log import log_to_stderr
from model.errors import ConfigError, EngineError
from model.measurement import chosen_rows

if TYPE_CHECKING:
    from model.ensemble import Ensemble, Measured, Score

__all__ = ["ensemble_command"]

SEVERAL = "several topics a row: TF-IDF has no answer to that"
log = logging.getLogger(__name__)


def ensemble_command(
    files: Annotated[list[Path], typer.Argument(help="Labelled files; the task follows from their labels.")],
    models: Annotated[
        list[Path] | None,
        typer.Option("--model", help="Weights or build folder, or one trained encoder; several times."),
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=3, help="That an encoder without a manifest reads of a text.")] = 128,
    teacher: Annotated[Path | None, typer.Option(help="Save the stack here, for `yuqing distil --teacher`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Average and stack models with TF-IDF, and measure on test parts whether that beats the best of them alone.

    TF-IDF learns from the train part of each file, the stack from its dev part. Files with several topics a row are
    left out. An ensemble is as slow as all its members: in service it pays only where McNemar's test says so, but any
    of three sentiments can teach a smaller model.
    """
    with explained():
        log_to_stderr()
        try:
            from model.ensemble import combine
            from model.ensemble_teacher import save_ensemble
            from model.teachers import load_teacher
        except ImportError as error:
            raise EngineError(f"ensembles need {error.name}: pip install 'yuqing[train]'") from error
        if teacher is not None and len(files) > 1:
            raise ConfigError("--teacher saves the stack of one file: give one")
        folders = list(dict.fromkeys(models or [COMMITTED]))
        seed = _seed(folders)
        loaded = {str(folder): load_teacher(folder, max_tokens=max_tokens) for folder in folders}
        found: list[Ensemble] = []
        left_out: list[dict[str, str]] = []
        for path in files:
            rows = chosen_rows(path, held_out=True, seed=seed)
            if rows.task.kind == "topics":
                log.warning("%s is left out: %s", path, SEVERAL)
                left_out.append({"file": path.name, "reason": SEVERAL})
                continue
            found.append(combine(path, rows, loaded))
        if teacher is not None:
            if not found:
                raise ConfigError("--teacher needs a file of three sentiments")
            save_ensemble(found[0], folders, teacher, max_tokens=max_tokens)
            log.info("written: %s", teacher)
        measured = [one.measured for one in found]
        if as_json:
            print_json({"split": "test", "seed": seed, "files": measured, "left_out": left_out})
        else:
            Console().print(_table(measured))


def _seed(folders: Sequence[Path]) -> int:
    """The seed of the split that the models were trained on; 0 where none of them says."""
    finished = [read_manifest(folder) for folder in folders if (folder / MANIFEST).is_file()]
    seeds = [int(manifest.training.get("seed", 0)) for manifest in finished]
    if len(set(seeds)) > 1:
        log.warning("models of different seeds are combined: one may have learned from rows of this dev or test part")
    return seeds[0] if seeds else 0


def _table(measured: "Sequence[Measured]") -> Table:
    table = Table(title="test parts; McNemar, exact, against the member that is best on the dev part")
    for column in ("file", "model"):
        table.add_column(column, overflow="fold")
    for column in ("rows", "accuracy", "macro-F1", "only it", "only the best", "p"):
        table.add_column(column, justify="right")
    for one in measured:
        for place, (name, score) in enumerate(one.members.items()):
            mark = " (best)" if name == one.best else ""
            table.add_row(
                one.file if place == 0 else "", name + mark, str(one.rows) if place == 0 else "", *_numbers(score)
            )
        for name, score in (("mean", one.mean), ("stack", one.stack)):
            other = one.comparisons[name]
            tested = (str(other.only_ours), str(other.only_theirs), f"{other.p_value:.3g}")
            table.add_row("", name, "", *_numbers(score), *tested)
        table.add_section()
    return table


def _numbers(score: "Score") -> tuple[str, str]:
    return f"{score.accuracy:.4f}", f"{score.macro_f1:.4f}"
