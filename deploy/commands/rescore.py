"""`yuqing rescore`: what was published between two days, scored by another model, beside the live stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from deploy.lifeline import stop_on_signals
from deploy.output import emit
from deploy.settings import Settings
from deploy.stored_past import current_books, days

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["rescore_days"]


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
