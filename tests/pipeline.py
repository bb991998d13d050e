"""The pipeline for tests: publish raw records, run scorers and windows in threads, read topics, audit the books."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from confluent_kafka import Consumer, Message, TopicPartition
from eventually import eventually
from keyword_classifier import KeywordClassifier
from sqlalchemy import Engine, text

from storage.audit import AuditReport, audit
from storage.hot_windows import HotWindows
from storage.ingest import Ingest
from stream.documents import RawDocument
from stream.entities import EntityLinker
from stream.intake import Intake, ReadsRecords
from stream.limits import Limits
from stream.novelty import StoryIndex
from stream.publisher import Publisher
from stream.scorer import Scorer
from stream.topics import Topics, offsets, spans
from stream.watchlist import Entity
from stream.windows import WindowsApp, build_app, run

__all__ = ["WATCHED", "Pipeline", "now", "stories"]

WATCHED = (
    Entity(entity_id="XX0000000001", name="Northwind Bank", aliases=("Northwind",), tickers=("NWB",)),
    Entity(entity_id="XX0000000002", name="Harbour Steel", tickers=("HBS",)),
    Entity(entity_id="XX0000000003", name="白鹭银行", aliases=("白鹭",), tickers=("600999.SH",)),
)

_EVENTS = ("faces a fraud inquiry", "reports record profit", "opens an office", "may default on its notes", "暴雷")


def now() -> datetime:
    return datetime.now(UTC)


def stories(count: int, *, start: int = 0) -> list[RawDocument]:
    """So many different items about the watched companies, a minute of event time for every ten of them."""
    day = datetime(2024, 5, 2, 9, 0, tzinfo=UTC)
    return [
        RawDocument(
            source="wire",
            url=f"https://news.example/{number}",
            title=f"{WATCHED[number % 3].name} {_EVENTS[number % 5]}, item {number}",
            body=f"Word from desk {number % 17} at minute {number // 10}, filed as {number * 7919}.",
            published_at=(day + timedelta(seconds=6 * number)).isoformat(),
        )
        for number in range(start, start + count)
    ]


@dataclass
class Pipeline:
    """Everything one test needs, on topics, a database and a cache of its own."""

    bootstrap: str
    topics: Topics
    engine: Engine
    cache: redis.Redis
    folder: Path
    hot: HotWindows = field(init=False)

    def __post_init__(self) -> None:
        self.hot = HotWindows(self.cache, keep=timedelta(days=7))

    # what goes in

    def publish(self, documents: Iterable[RawDocument]) -> None:
        with Publisher(self.bootstrap, self.topics) as publisher:
            for document in documents:
                publisher.publish(document)

    def publish_bytes(self, *values: bytes | None) -> None:
        with Publisher(self.bootstrap, self.topics) as publisher:
            for value in values:
                publisher.publish_record(None, value)

    # what runs

    def scorer(
        self,
        classifier: Any = None,
        *,
        cache: Any = None,
        bootstrap: str | None = None,
        stories: Any = None,
        intake: ReadsRecords | None = None,
    ) -> Scorer:
        return Scorer(
            bootstrap or self.bootstrap,
            self.topics,
            f"{self.topics.raw}-scorer",
            intake or Intake(EntityLinker(WATCHED), Limits()),
            stories or StoryIndex(cache or self.cache),
            classifier or KeywordClassifier(),
            token_budget=2048,
            deadline_ms=20,
            clock=now,
        )

    @contextmanager
    def scoring(self, scorer: Scorer | None = None) -> Iterator[None]:
        """A scorer at work; leaving stops it gracefully."""
        with _thread((scorer or self.scorer()).run):
            yield

    def app(self, *, batch_size: int = 500, hot: Any = None) -> WindowsApp:
        ingest = Ingest(self.engine, allowed_lateness=timedelta(minutes=5), clock=now)
        return build_app(
            self.bootstrap,
            self.topics,
            f"{self.topics.raw}-windows",
            ingest,
            hot or self.hot,
            batch_size=batch_size,
            data_dir=self.folder / "faust",
            clock=now,
        )

    @contextmanager
    def windows(self, app: WindowsApp | None = None) -> Iterator[WindowsApp]:
        """A windows worker at work; leaving stops it gracefully."""
        app = app or self.app()
        with _thread(lambda stop: run(app, stop)):
            yield app

    # what comes out

    def ends(self, topic: str) -> dict[tuple[str, int], tuple[int, int]]:
        return spans(self.bootstrap, topic)

    def count(self, topic: str) -> int:
        return sum(end - begin for begin, end in offsets(self.bootstrap, topic).values())

    def records(self, topic: str) -> list[Message]:
        """All records of a topic, by partition and offset."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "test", "enable.auto.commit": False})
        try:
            wanted = offsets(self.bootstrap, topic)
            consumer.assign([TopicPartition(topic, number, begin) for number, (begin, _) in wanted.items()])
            missing = sum(end - begin for begin, end in wanted.values())
            found: list[Message] = []
            while len(found) < missing:
                found += consumer.consume(missing - len(found), timeout=5)
            return sorted(found, key=lambda message: (message.partition(), message.offset()))
        finally:
            consumer.close()

    def committed(self, topic: str, group: str) -> int:
        """The sum of a group's committed offsets: how many records of a new topic it need not read again."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.topics.raw}-{group}"})
        try:
            places = [TopicPartition(topic, number) for number in offsets(self.bootstrap, topic)]
            return sum(max(place.offset, 0) for place in consumer.committed(places, timeout=10))
        finally:
            consumer.close()

    def set_back(self, group: str) -> None:
        """The group's offsets of the incoming topics go back to the beginning; nobody of it may be at work."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.topics.raw}-{group}"})
        try:
            places = [TopicPartition(*place, 0) for topic in self.topics.incoming for place in self.ends(topic)]
            consumer.commit(offsets=places, asynchronous=False)
        finally:
            consumer.close()

    def scalar(self, query: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(query)).scalar_one()

    def accounted(self) -> int:
        return int(self.scalar("SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM ledger, unnest(accounted) r"))

    def sums(self) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text("SELECT * FROM trend_counts ORDER BY 1, 2, 3, 4")))

    def audit(self) -> AuditReport:
        topics = self.topics
        return audit(
            self.engine,
            self.hot,
            spans(self.bootstrap, *topics.incoming),
            spans(self.bootstrap, topics.scored, topics.dead),
        )

    def settle(self, timeout_s: float = 60) -> None:
        """Waits until everything published is in the books and all books agree."""
        incoming = sum(self.count(topic) for topic in self.topics.incoming)
        eventually(lambda: self.accounted() >= incoming, timeout_s, what="all records accounted")
        eventually(lambda: not self.audit().differences, timeout_s, every_s=0.5, what="a clean audit")


@contextmanager
def _thread(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Work in a thread until the context is left; what it raises is raised here."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work(stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive(), "it does not stop"
        if failures:
            raise failures[0]
