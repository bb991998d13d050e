"""`yuqing label queue|import|corrections|view`: what annotators should see next, and what they said."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.errors import UsageError
from deploy.options import Config, State, read_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from model.labelling import Unlabelled
    from storage.recent_documents import RecentDocument

__all__ = ["app"]

app = typer.Typer(help="Learn from analysts: what to label next, and what was labelled.", no_args_is_help=True)

_POOL = 20_000

Out = Annotated[Path | None, typer.Option(help="Write here; stdout if left out.")]


class Format(StrEnum):
    """How a queue is written."""

    jsonl = "jsonl"
    label_studio = "label-studio"


class Strategy(StrEnum):
    """How doubt is measured."""

    margin = "margin"
    entropy = "entropy"


@app.command()
def queue(
    count: Annotated[int, typer.Option(help="How many texts.", min=1)] = 100,
    days: Annotated[float, typer.Option(help="From what arrived in the last days.", min=0.01)] = 7,
    format: Annotated[Format, typer.Option(help="JSON lines, or Label Studio's import.")] = Format.jsonl,
    strategy: Annotated[Strategy, typer.Option(help="Least margin, or most entropy.")] = Strategy.margin,
    seed: Annotated[int, typer.Option(help="Draws the tenth of the queue that is left to chance.")] = 0,
    out: Out = None,
    config: Config = None,
    state: State = None,
) -> int:
    """Choose the documents on which the model is least sure, one of each story."""
    import msgspec
    import numpy as np

    from deploy.roles import now
    from model.label_studio import tasks
    from model.labelling import as_row, json_lines, labelling_queue
    from storage.recent_documents import sample_arrived

    until = now()
    with _database(config, state) as connection:
        stored = sample_arrived(connection, until - timedelta(days=days), until, most=_POOL, seed=seed)
    rng = np.random.default_rng(seed)
    chosen = labelling_queue(map(unlabelled, stored), count, rng=rng, strategy=strategy.value)
    if format is Format.jsonl:
        _write(json_lines(map(as_row, chosen)), out)
    else:
        _write(msgspec.json.encode(tasks(chosen)) + b"\n", out)
    print(f"{len(chosen)} of {len(stored)} documents", file=sys.stderr)
    return 0


@app.command("import")
def import_(
    export: Annotated[Path, typer.Argument(help="Label Studio's export, JSON or JSON-MIN.")],
    out: Out = None,
) -> int:
    """Turn what annotators said into a labelled file that `yuqing train` reads."""
    from model.errors import DataError
    from model.label_studio import read_export
    from model.labelling import json_lines

    try:
        found = read_export(export)
    except DataError as error:
        raise UsageError(str(error)) from error
    _write(json_lines(found.rows), out)
    told = f"{len(found.rows)} labelled, {found.unlabelled} without an answer, {found.disagreed} tied and left out"
    print(told, file=sys.stderr)
    return 0


@app.command()
def corrections(out: Out = None, config: Config = None, state: State = None) -> int:
    """Write the documents that analysts corrected as a labelled file, each with its newest label."""
    from model.labelling import json_lines
    from storage.corrections import corrected_documents
    from stream.intake import joined

    with _database(config, state) as connection:
        found = corrected_documents(connection)
    rows: list[dict[str, Any]] = [
        {
            "text": joined(one.title, one.body),
            "label": one.sentiment,
            "lang": one.language,
            "document_id": str(one.document_id),
        }
        for one in found
    ]
    _write(json_lines(rows), out)
    print(f"{len(rows)} corrected documents", file=sys.stderr)
    return 0


@app.command()
def view() -> int:
    """Print the labelling interface to paste into a Label Studio project."""
    from model.label_studio import VIEW

    print(VIEW, end="")
    return 0


def unlabelled(one: RecentDocument) -> Unlabelled:
    """A stored document as a text to label."""
    from model.labelling import Unlabelled
    from stream.intake import joined

    return Unlabelled(
        text=joined(one.title, one.body),
        probabilities=(one.negative, one.neutral, one.positive),
        story=str(one.story_id),
        language=one.language,
        document_id=str(one.document_id),
        model_version=one.model_version,
    )


@contextmanager
def _database(config: Path | None, state: Path | None) -> Iterator[Connection]:
    from deploy.services import open_services
    from storage.connection import connect

    with open_services(read_settings(config, state)) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        out.write_bytes(content)
