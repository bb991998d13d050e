"""For tests of re-scoring: a second opinion on stored documents, and what the views show."""

from __future__ import annotations

from datetime import datetime

from book_records import SteppingClock
from msgspec.structs import replace
from sqlalchemy import Engine, text

from storage.records import ScoredDocument
from storage.rescored_sums import Rescored
from storage.rescoring import Range, book, days, places, read
from storage.trend_sums import Key, Sums

_SENTIMENTS = ("negative", "neutral", "positive")


def second_opinion(document: ScoredDocument, version: str) -> ScoredDocument:
    """What a made-up model of this name says: always the same of the same document, and mostly something new."""

    def said(about: str) -> tuple[str, int]:
        number = sum(f"{version}{about}{document.document_id}".encode())
        return _SENTIMENTS[number % 3], (number % 2001 - 1000) * 1000

    sentiment, score = said("all")
    mentions = []
    for mention in document.mentions:
        toward, about = said(mention.entity_id)
        mentions.append(replace(mention, sentiment=toward, score_micro=about))
    return replace(
        document,
        sentiment=sentiment,
        score_micro=score,
        topics=("legal", "credit")[: sum(version.encode()) % 3],
        mentions=tuple(mentions),
        model_version=version,
    )


def rescore(engine: Engine, wanted: Range, clock: SteppingClock, *, chunk: int = 3, chunks: int = 1000) -> int:
    """Scores the range again in chunks, at most so many of them; returns how many documents were booked."""
    booked = 0
    with engine.connect() as connection:
        found = [place for day in days(connection, wanted) for place in places(connection, day)]
    for start in range(0, len(found), chunk)[:chunks]:
        again = [
            Rescored(one, second_opinion(one, wanted.version)) for one in read(engine, found[start : start + chunk])
        ]
        booked += book(engine, again, now=clock())
    return booked


def seen(engine: Engine, at: datetime | None = None) -> dict[Key, Sums]:
    """What the view `trends` shows, or showed at a moment; rows that say 0 left out."""
    columns = ", ".join((*Key._fields, *Sums._fields))
    source = "trends" if at is None else "trends_as_of(:at)"
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL ROLE yuqing_reader"))
        rows = connection.execute(text(f"SELECT {columns} FROM {source} WHERE documents > 0"), {"at": at} if at else {})
        return {Key(*row[:4]): Sums(*row[4:]) for row in rows}
