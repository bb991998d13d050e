"""Scores stored documents again, beside the stream: read a chunk, ask the model, book; until none is left.

What is booked is passed over by the next start, so a run that was killed goes on with the same call. Memory holds one
chunk and the ids of one day, however long the range.
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
from storage.rescoring import Place, Range, book, days, places, read
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
    for chunk_places in _chunks(engine, wanted, chunk):
        if stop.is_set():
            return
        booked = book(engine, _judged(read(engine, chunk_places), judge), now=clock())
        _log.info("rescored", version=wanted.version, documents=booked, reached=chunk_places[-1][0])
        yield booked


def _chunks(engine: Engine, wanted: Range, most: int) -> Iterator[list[Place]]:
    with engine.connect() as connection:
        by_day = days(connection, wanted)
    for day in by_day:
        with engine.connect() as connection:
            found = places(connection, day)
        for start in range(0, len(found), most):
            yield found[start : start + most]


def _judged(documents: Sequence[ScoredDocument], judge: Judge) -> list[Rescored]:
    asked = [(joined(one.title, one.body), entity) for one in documents for entity in (None, *questions_again(one))]
    answers = iter(judge.predict([text for text, _ in asked], toward=[entity for _, entity in asked]))
    judged = []
    for one in documents:
        mine = [next(answers) for _ in range(1 + len(questions_again(one)))]
        judged.append(Rescored(one, scored_again(one, mine, judge.version)))
    return judged
