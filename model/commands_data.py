"""`yuqing data check`: look labelled files through before training on them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from model.command_frame import explained, print_json
from model.data_checks import LONGEST, Findings, Numbered, check

__all__ = ["data_app"]

SHOWN: Final = 10
data_app = typer.Typer(help="Look after labelled data.", no_args_is_help=True)


@data_app.callback()
def _group() -> None:
    """Look after labelled data."""


@data_app.command("check")
def check_command(
    files: Annotated[list[Path], typer.Argument(help="Labelled files (*.jsonl).")],
    longest: Annotated[int, typer.Option(help="Characters that a text may have.", min=1)] = LONGEST,
    label_errors: Annotated[bool, typer.Option(help="Look for likely label errors; takes a minute.")] = True,
    texts: Annotated[bool, typer.Option("--texts", help="Show the texts beside the numbers of their lines.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Find duplicates with differing labels, empty or long texts, unknown labels and likely label errors.

    Exit code 1 where a line cannot be read, since training would refuse the file.
    """
    with explained():
        found: list[tuple[Findings, list[Numbered]]] = []
        for path in track(files, "check", console=Console(stderr=True), transient=True):
            findings, task, rows = check(path, longest=longest)
            if label_errors:
                from model.label_errors import likely_label_errors

                findings = msgspec.structs.replace(findings, likely_label_errors=likely_label_errors(rows, task))
            found.append((findings, rows))
        if as_json:
            print_json({"files": [findings for findings, _ in found]})
        else:
            for findings, rows in found:
                Console().print(_table(findings, {one.line: one.row.text for one in rows} if texts else {}))
    if any(findings.unreadable for findings, _ in found):
        raise typer.Exit(1)


def _table(findings: Findings, texts: dict[int, str]) -> Table:
    title = f"{findings.file}: {findings.task}, {findings.rows} rows, {findings.near_duplicates} near duplicates"
    table = Table("finding", "count", "lines", title=title)
    for name, lines in _named(findings):
        if lines is None:
            table.add_row(name, "-", "not looked for")
            continue
        shown = lines if texts else lines[:SHOWN]
        cells = [f"{line}: {texts[line]}" if line in texts else str(line) for line in shown]
        more = [f"… {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
        table.add_row(name, str(len(lines)), ("\n" if texts else ", ").join([*cells, *more]))
    return table


def _named(findings: Findings) -> Iterator[tuple[str, tuple[int, ...] | None]]:
    yield "unreadable lines", findings.unreadable
    yield "empty texts", findings.empty
    yield "very long texts", findings.very_long
    yield "rows without a label", findings.unlabelled
    yield "unknown labels", findings.unknown_labels
    yield "same text, other label", tuple(line for group in findings.conflicting for line in group)
    yield "likely label errors", findings.likely_label_errors
