"""`yuqing score`: the scorer without services. JSON lines in, JSON lines out, in the same order."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from deploy.errors import UsageError
from deploy.settings import Settings

if TYPE_CHECKING:
    from model.classifier import Classifier, Prediction
    from storage.records import Retraction
    from stream.intake import Intake, Read

__all__ = ["score_lines"]

_AT_ONCE = 64


def score_lines(settings: Settings, file: str) -> int:
    """Scores a file, or stdin for '-'; returns 1 when a line could not be read: its answer says why.

    Raises UsageError for a file that is not there, ArtefactError and WatchListError.
    """
    from deploy.intake_parts import limits_of
    from deploy.roles import now
    from deploy.watch_lists import watched
    from deploy.weights import weights_folder
    from model.classifier import Classifier
    from stream.entities import EntityLinker
    from stream.intake import Intake

    chosen = settings.model
    classifier = Classifier.load(weights_folder(settings), engine=chosen.engine, threads=chosen.threads)
    intake = Intake(EntityLinker(watched(settings)), limits_of(settings), now)
    encoder = msgspec.json.Encoder()
    unreadable = 0
    with _opened(file) as lines:
        for batch in _batches(enumerate(lines)):
            for answer in _answers(batch, intake, classifier):
                unreadable += "error" in answer
                sys.stdout.buffer.write(encoder.encode(answer) + b"\n")
            sys.stdout.buffer.flush()
    return 1 if unreadable else 0


def _answers(batch: Iterable[tuple[int, bytes]], intake: Intake, classifier: Classifier) -> Iterator[dict[str, Any]]:
    from deploy.roles import now
    from storage.records import Retraction
    from stream.errors import Unreadable
    from stream.intake import RawRecord

    read: list[Read | dict[str, Any]] = []
    for number, line in batch:
        record = RawRecord(topic="stdin", partition=0, offset=number, key=None, value=line.strip(), arrived_at=now())
        try:
            found = intake.read(record)
            read.append(_takedown(found) if isinstance(found, Retraction) else found)
        except Unreadable as error:
            read.append({"line": number + 1, "error": str(error.reason), "detail": error.detail})
    predictions = iter(classifier.predict([one.text for one in read if not isinstance(one, dict)]))
    for one in read:
        yield one if isinstance(one, dict) else _answer(one, next(predictions), classifier.version)


def _takedown(found: Retraction) -> dict[str, Any]:
    return {"line": found.origin.offset + 1, "document_id": str(found.document_id), "retracted": True}


def _answer(read: Read, prediction: Prediction, version: str) -> dict[str, Any]:
    return {
        "line": read.origin.offset + 1,
        "document_id": str(read.document_id),
        "title": read.title,
        "language": read.language,
        "published_at": read.published_at,
        "sentiment": prediction.label,
        "negative": round(prediction.negative, 6),
        "neutral": round(prediction.neutral, 6),
        "positive": round(prediction.positive, 6),
        "topics": prediction.topics,
        "mentions": [{"entity_id": one.entity_id, "surface": one.surface} for one in read.mentions],
        "flags": read.flags,
        "model_version": version,
    }


def _batches(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    for number, line in lines:
        if line.strip():
            batch.append((number, line))
        if len(batch) >= _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", fix="name a file of JSON lines.") from error
