"""Scores stored documents again, beside the stream: read a chunk, ask the model, book; until none is left.

What is booked is passed over by the next start, so a run that was killed goes on with the same call. Memory holds one
chunk, however long the range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Event
from typing import Protocol

import structlog
from sqlalchemy import Engine

from model.classifier import Prediction
from storage.records import ScoredDocument
from storage.rescored_sums import Rescored
from storage.rescoring import Place, Range, book, read
from stream.intake import joined
from stream.scored_documents import questions_again, scored_again

__all__ = ["CHUNK", "Judge", "rescore"]

_log = structlog.get_logger()

CHUNK = 256
"""Documents in one transaction: some seconds of scoring, and of what a kill costs; at most some 25 MB of text."""


class Judge(Protocol):
    """The part of a classifier that is needed here."""

    @property
    def version(self) -> str: ...

    def predict(self, texts: Sequence[str], *, toward: Sequence[str | None] | None = None) -> list[Prediction]: ...


def rescore(
    engine: Engine,
    wanted: Range,
    judge: Judge,
    stop: Event,
    *,
    clock: Callable[[], datetime],
    chunk: int = CHUNK,
) -> Iterator[int]:
    """Yields how many documents each chunk booked, until the range is done or `stop` is set.

    A document that was corrected or taken down while it was scored is not booked: its next version counts as unscored.
    Database errors pass through; the same call goes on where they came. Raises ModelError where the model fails.
    """
    after: Place | None = None
    while not stop.is_set() and (documents := read(engine, wanted, after, chunk)):
        after = (documents[-1].published_at, documents[-1].document_id)
        booked = book(engine, _judged(documents, judge), now=clock())
        _log.info("rescored", version=wanted.version, documents=booked, reached=after[0])
        yield booked


def _judged(documents: Sequence[ScoredDocument], judge: Judge) -> list[Rescored]:
    asked = [(joined(one.title, one.body), entity) for one in documents for entity in (None, *questions_again(one))]
    answers = iter(judge.predict([text for text, _ in asked], toward=[entity for _, entity in asked]))
    judged = []
    for one in documents:
        mine = [next(answers) for _ in range(1 + len(questions_again(one)))]
        judged.append(Rescored(one, scored_again(one, mine, judge.version)))
    return judged
