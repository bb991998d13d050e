"""`yuqing compress`: smaller forms of a trained encoder, and a table of what each costs and gains."""

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from model.command_frame import explained, print_json
from model.command_log import log_to_stderr
from model.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from model.compression import Form
    from model.pareto import Measured

__all__ = ["compress_command"]


def compress_command(
    build: Annotated[Path, typer.Argument(help="A finished build folder, as `yuqing train` makes it.")],
    data: Annotated[Path, typer.Option(help="Folder of labelled files (*.jsonl); their dev parts are asked.")],
    out: Annotated[Path, typer.Option(help="Takes a folder for each form, usable as weights.")],
    encoder: Annotated[str, typer.Option(help="The encoder to compress.")] = "en",
    layers: Annotated[list[str] | None, typer.Option(help="Layers to keep, e.g. 0,2,4; several times.")] = None,
    heads: Annotated[list[float] | None, typer.Option(help="Share of heads that go, e.g. 0.25; several times.")] = None,
    vocabulary: Annotated[bool, typer.Option(help="Cut the vocabulary to the pieces that texts use.")] = True,
    piece_at_least: Annotated[int, typer.Option(help="How often a piece must be used.", min=1)] = 1,
    text: Annotated[list[Path] | None, typer.Option(help="Folder of feed items to count pieces in too.")] = None,
    limit: Annotated[int, typer.Option(help="Dev rows of each set that are asked.", min=1)] = 250,
    rounds: Annotated[int, typer.Option(help="Turns of the measurement of speed.", min=1)] = 5,
    threads: Annotated[int, typer.Option(help="Threads of one forward pass, 0 for all.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Drop layers and heads, cut the vocabulary, round to int8; measure accuracy, size and speed side by side."""
    with explained():
        log_to_stderr()
        try:
            from model.compression import Form
            from model.compression_run import compress_all
        except ImportError as error:
            raise EngineError(f"compressing needs {error.name}: pip install 'yuqing[train]'") from error
        shares = dict.fromkeys((0.0, *(heads or ())))
        shapes = product(((), *map(_places, layers or ())), shares, (False, True) if vocabulary else (False,))
        forms = [Form(_name(*shape), *shape, piece_at_least) for shape in shapes]
        found = compress_all(
            build, data, out, forms, encoder=encoder, text=text or (), limit=limit, rounds=rounds, threads=threads
        )
        if as_json:
            print_json({"encoder": encoder, "threads": threads, "forms": found})
        else:
            Console().print(_table(found, forms))


def _places(given: str) -> tuple[int, ...]:
    try:
        return tuple(int(place) for place in given.split(","))
    except ValueError:
        raise ConfigError(f"--layers {given!r}: give places with commas between, as in 0,2,4") from None


def _name(layers: tuple[int, ...], heads: float, cut: bool) -> str:
    parts = ["-".join(["layers", *map(str, layers)])] if layers else []
    parts += [f"heads-{heads:g}"] if heads else []
    return "-".join([*parts, "cut"] if cut else parts) or "whole"


def _table(found: "list[Measured]", forms: "list[Form]") -> Table:
    table = Table("form", "dev accuracy", "MB", "texts/s", "", title=f"{len(forms)} forms, in fp32 and int8")
    for one in sorted(found, key=lambda one: -one.accuracy):
        mark = "on the front" if one.best else ""
        table.add_row(one.name, f"{one.accuracy:.4f}", f"{one.megabytes:.1f}", f"{one.texts_per_second:.0f}", mark)
    return table
