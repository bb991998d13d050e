"""What every command of this room shares: an error becomes words on stderr and an exit code; a result, one object."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import typer

from model.errors import ConfigError, DataError, ModelError

__all__ = ["explained", "print_json"]


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn an error of this room into its message and exit code: 2 for wrong use, 1 for anything else."""
    try:
        yield
    except ModelError as error:
        typer.echo(f"yuqing: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError | DataError) else 1) from None


def print_json(result: Any) -> None:
    """Print one JSON object, or list, on one line of stdout."""
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    sys.stdout.buffer.flush()
