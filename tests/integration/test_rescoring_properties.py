"""Whatever comes, is corrected, taken down, scored again and switched, in any order: the views show what they should.

A plain model in Python keeps every document's first scores and its later ones, and which version is shown of which
minutes. After each step the views agree with it; at the end they agree with what it said at each earlier moment, and
the audit has counted all of it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from book_records import NOON, RAW, SteppingClock, a_document, a_mention
from books import LATENESS, differences, wipe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rescoring_books import rescore, second_opinion, seen
from sqlalchemy import Engine

from storage.ingest import Ingest
from storage.records import Origin, Retraction, ScoredDocument
from storage.rescoring import Range
from storage.shown_versions import show
from storage.trend_sums import Key, Sums, add_up, minute_of

MINUTES, NAMES, VERSIONS = 3, 4, ("m2", "m3")


@dataclass
class Model:
    """What the books should say."""

    counting: dict[int, ScoredDocument] = field(default_factory=dict)
    again: dict[tuple[Origin, str], ScoredDocument] = field(default_factory=dict)
    shown: dict[int, str | None] = field(default_factory=dict)

    def seen(self) -> dict[Key, Sums]:
        return dict(add_up(self._shown(document) for document in self.counting.values()))

    def _shown(self, document: ScoredDocument) -> ScoredDocument:
        version = self.shown.get((minute_of(document.published_at) - NOON) // timedelta(minutes=1))
        return self.again.get((document.origin, version or ""), document)


class Books:
    """Does a step to the real books and to the model."""

    def __init__(self, engine: Engine) -> None:
        wipe(engine)
        self.engine, self.clock, self.model, self.offset = engine, SteppingClock(), Model(), 0
        self.known: set[int] = set()
        self.ingest = Ingest(engine, allowed_lateness=LATENESS, clock=self.clock)

    def store(self, name: int, minute: int, mood: int) -> None:
        if name not in self.known:
            self._book(self._document(name, minute, mood))

    def correct(self, name: int, minute: int, mood: int) -> None:
        """Also of one that was taken down: it counts again."""
        if name in self.known:
            self._book(self._document(name, minute, mood, revised_at=self.clock()))

    def retract(self, name: int) -> None:
        if name not in self.model.counting:
            return
        held = self.model.counting.pop(name)
        given = {"document_id": held.document_id, "published_at": held.published_at, "arrived_at": self.clock()}
        self.ingest.scored([Retraction(**given, origin=self._origin(), revised_at=self.clock())], [])

    def rescore(self, version: str, first: int, last: int, chunks: int) -> None:
        since, until = NOON + timedelta(minutes=first), NOON + timedelta(minutes=last)
        booked = rescore(self.engine, Range(version, since, until), self.clock, chunk=2, chunks=chunks)
        inside = sorted(
            (one for one in self.model.counting.values() if since <= one.published_at < until),
            key=lambda one: (one.published_at, one.document_id),
        )
        todo = [one for one in inside if one.model_version != version and (one.origin, version) not in self.model.again]
        assert booked == len(todo[: 2 * chunks])
        self.model.again |= {(one.origin, version): second_opinion(one, version) for one in todo[: 2 * chunks]}

    def show(self, version: str | None, first: int, last: int) -> None:
        since, until = NOON + timedelta(minutes=first), NOON + timedelta(minutes=last)
        with self.engine.begin() as connection:
            show(connection, version, since, until, actor="ada", reason="better", now=self.clock())
        self.model.shown |= dict.fromkeys(range(first, last), version)

    def _document(self, name: int, minute: int, mood: int, **more: Any) -> ScoredDocument:
        sentiment = ("negative", "neutral", "positive")[mood % 3]
        mentions = tuple(a_mention(one, sentiment, mood * 1000) for one in ("acme", "zeta")[: mood % 3])
        document = a_document(
            name,
            0,
            minute=minute + name / 60,
            sentiment=sentiment,
            score_micro=mood * 7000,
            mentions=mentions,
            topics=("legal",) * (mood % 2),
            title=f"{name} {mood} {self.offset}",
            model_version=("m1", "m2")[mood == 5],
            origin=self._origin(),
            **more,
        )
        self.model.counting[name] = document
        self.known.add(name)
        return document

    def _origin(self) -> Origin:
        self.offset += 1
        return Origin(topic=RAW, partition=0, offset=self.offset - 1)

    def _book(self, document: ScoredDocument) -> None:
        self.ingest.scored([document], [])


NAME, MINUTE, MOOD = st.integers(0, NAMES - 1), st.integers(0, MINUTES - 1), st.integers(0, 5)
SPAN = st.tuples(st.integers(0, MINUTES - 1), st.integers(1, MINUTES)).map(lambda s: (s[0], max(s[0] + 1, s[1])))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("store"), NAME, MINUTE, MOOD),
        st.tuples(st.just("correct"), NAME, MINUTE, MOOD),
        st.tuples(st.just("retract"), NAME),
        st.builds(lambda v, s, c: ("rescore", v, *s, c), st.sampled_from(VERSIONS), SPAN, st.integers(1, 4)),
        st.builds(lambda v, s: ("show", v, *s), st.sampled_from((*VERSIONS, None)), SPAN),
    ),
    min_size=5,
    max_size=12,
)
FIRST = st.lists(st.tuples(MINUTE, MOOD), min_size=2, max_size=NAMES)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=FIRST, steps=STEPS)
def test_views_show_each_document_once_under_the_version_in_force_now_and_as_of_every_moment(
    database: Engine, first: list[tuple[int, int]], steps: list[tuple[Any, ...]]
):
    books = Books(database)
    for name, (minute, mood) in enumerate(first):
        books.store(name, minute, mood)
    moments: list[tuple[datetime, dict[Key, Sums]]] = []
    for step, *arguments in steps:
        getattr(books, step)(*arguments)
        expected = books.model.seen()
        assert seen(database) == expected
        moments.append((books.clock.now, expected))

    for moment, expected in moments:
        assert seen(database, moment) == expected
    assert seen(database, books.clock() + timedelta(days=1)) == books.model.seen()
    assert differences(database, {0: books.offset}) == []
