"""A stage for the words behind alerts: a surge whose most telling document is known, and an explainer to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alert_stage import Stage, Story, wall_clock
from sqlalchemy import select

from alerts.detection.evidence import Document, from_json
from alerts.detection.words import Word
from alerts.explaining import Explaining
from storage.tables import alerts


@dataclass
class Knower:
    """An explainer that says what it is told to, and notes what it was asked."""

    words: tuple[Word, ...] = ()
    version: str = "test-model"
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    first: Any = None

    def __call__(self, title: str, body: str, toward: str | None) -> Sequence[Word]:
        self.asked.append((title, body, toward))
        if self.first is not None:
            self.first()
        return self.words


WORD = Word(text="trouble", place="title", start=5, end=12, weight=0.4)


def surge(stage: Stage, title: str, *, minute: float = 0, score: float = -0.99, **more: Any) -> None:
    """A surge whose most negative story has this title, judged by the engine."""
    stage.publish(Story(minute, title=title, score=score, **more))
    stage.surge(minute + 1)
    stage.later(minute + 60)
    stage.engine().once()


def first_document(stage: Stage) -> Document:
    """The most telling document of the newest alert."""
    query = select(alerts.c.evidence).order_by(alerts.c.first_bucket.desc())
    with stage.database.connect() as connection:
        return from_json(connection.execute(query).scalars().first()).documents[0]


def explain(stage: Stage, knower: Any) -> int:
    return Explaining(stage.database, lambda: knower, wall_clock).once()
