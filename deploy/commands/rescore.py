"""`yuqing rescore`: what was published between two days, scored by another model, beside the live stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from deploy.errors import UsageError
from deploy.lifeline import stop_on_signals
from deploy.output import emit
from deploy.services import open_services
from deploy.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

__all__ = ["current_books", "days", "rescore_days"]


def rescore_days(settings: Settings, first: str, last: str, *, model: Path | None, threads: int, as_json: bool) -> int:
    """Scores every stored document of these UTC days, the last one included, that this model has not scored yet.

    Returns 0 when all is done and 1 when a signal stopped it before; the same call goes on. Raises UsageError for days
    that are none, ArtefactError and EngineError of the model, MigrationError where the schema is old.
    """
    from deploy.roles import now
    from deploy.weights import weights_folder
    from model.classifier import Classifier
    from storage.rescoring import Range, unscored
    from stream.rescoring import rescore

    since, until = days(first, last)
    stop = threading.Event()
    stop_on_signals(stop)
    judge = Classifier.load(model or weights_folder(settings), engine=settings.model.engine, threads=threads)
    wanted, began, done = Range(judge.version, since, until), monotonic(), 0
    with current_books(settings) as engine:
        with engine.connect() as connection:
            total = unscored(connection, wanted)
        with _progress(total, quiet=as_json) as advance:
            for booked in rescore(engine, wanted, judge, stop, clock=now):
                done += booked
                advance(booked)
        with engine.connect() as connection:
            left = unscored(connection, wanted)
    seconds = monotonic() - began
    result = {
        "version": wanted.version,
        "from": since.date(),
        "to": (until - timedelta(days=1)).date(),
        "documents": total,
        "rescored": done,
        "left": left,
        "seconds": round(seconds, 3),
        "finished": not stop.is_set(),
    }
    emit(result, as_json, _worded)
    return 1 if stop.is_set() else 0


def days(first: str, last: str) -> tuple[datetime, datetime]:
    """The beginning of one UTC day and the end of another. Raises UsageError where they are no days in this order."""
    try:
        since, until = (datetime.combine(date.fromisoformat(one), time.min, UTC) for one in (first, last))
    except ValueError:
        raise UsageError(f"--from {first} --to {last}: give days such as 2026-03-01") from None
    if until < since:
        raise UsageError(f"--from {first} lies after --to {last}")
    return since, until + timedelta(days=1)


@contextmanager
def current_books(settings: Settings) -> Iterator[Engine]:
    """The database, whose schema must be the one that this program knows. Raises UsageError."""
    from storage.connection import connect
    from storage.schema import head, revision

    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=2)
        try:
            if (at := revision(engine)) != head():
                raise UsageError(f"the schema is at {at or 'nothing'}, {head()} is needed: run `yuqing migrate`")
            yield engine
        finally:
            engine.dispose()


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("documents", total=total)
        yield lambda booked: progress.advance(task, booked)


def _worded(result: dict[str, Any]) -> str:
    rate = result["rescored"] / result["seconds"] if result["seconds"] else 0
    done = f"{result['rescored']:,} of {result['documents']:,} documents"
    lines = [f"{done} scored by {result['version']}, {rate:,.0f} a second."]
    if not result["finished"]:
        lines.append("It was stopped; the same command goes on.")
    elif result["left"]:
        lines.append(f"{result['left']:,} came or were corrected meanwhile; the same command scores them.")
    lines.append(
        f"The views show it after: yuqing model-versions use {result['version']} "
        f"--from {result['from']} --to {result['to']} --actor NAME --reason WHY"
    )
    return "\n".join(lines)
