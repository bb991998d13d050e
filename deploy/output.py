"""What commands print: for eyes, or exactly one JSON object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

__all__ = ["emit", "table"]


def emit(result: Any, as_json: bool, show: Callable[[Any], str]) -> None:
    """Prints `result` as one JSON object, or as `show` words it. Both go to stdout; logs go to stderr."""
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result, enc_hook=str) + b"\n")
        sys.stdout.buffer.flush()
    else:
        print(show(result))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns of text, numbers to the right; control characters in crawled text are written out."""
    cells = [[_printable(value) for value in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(head), *cells]) for column in range(len(head))]

    def line(row: Sequence[str], values: Sequence[object]) -> str:
        padded = [
            cell.rjust(width) if isinstance(value, int | float) else cell.ljust(width)
            for cell, width, value in zip(row, widths, values, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(head, head), *(line(row, values) for row, values in zip(cells, rows, strict=True))])


def _printable(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
