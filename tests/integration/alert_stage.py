"""A stage for alerts: stories are published at given minutes, the engine looks, and one reads what it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Engine, insert, select, text

from alerts.delivery.endpoints import Endpoint
from alerts.detection.baselines import Baseline
from alerts.detection.detectors import NegativeSurge
from alerts.detection.thresholds import Budget
from alerts.engine import AlertEngine, Timing
from alerts.rules.rule import Rule
from storage.ingest import Ingest, Ingested, ReadTo
from storage.records import Mention, Novelty, Origin, Retraction, ScoredDocument, Sentiment
from storage.tables import alert_history, alerts, changed_buckets, deliveries, entities

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
LATENESS = timedelta(hours=1)
SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
DESK = Endpoint("desk", "http://127.0.0.1:9/webhook", SECRET, allow_private=True)


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def surge_detector() -> NegativeSurge:
    """The product's detector for a list of 100 companies, with a baseline of a few days."""
    return NegativeSurge(Budget(1, 100), Baseline(history_days=5), horizons_min=(60, 360, 1440))


@dataclass(frozen=True)
class Story:
    """A document to publish. `minute` counts from noon of the stage's first day; `beside` it names other companies."""

    minute: float
    entity: str = "acme"
    sentiment: Sentiment = "negative"
    novelty: Novelty = "new"
    title: str = "Acme misses a payment"
    url: str = "https://news.example/acme"
    score: float = -0.9
    body: str = ""
    surface: str = ""
    beside: tuple[str, ...] = ()
    source: str = "news.example"
    topics: tuple[str, ...] = ()


class Stage:
    """Ingest and alert engine on one database, with one partition of documents.scored."""

    def __init__(self, database: Engine, endpoints: Sequence[Endpoint] = (DESK,)) -> None:
        self.database = database
        self._endpoints = endpoints
        self._ingest = Ingest(database, allowed_lateness=LATENESS, clock=wall_clock)
        self._offset = 0
        with database.begin() as connection:
            names = [{"entity_id": "acme", "name": "Acme Ltd", "aliases": [], "tickers": []}]
            connection.execute(insert(entities), names)

    def engine(self, *, jobs_at_once: int = 2000, poll_s: float = 0.05, rules: Sequence[Rule] = ()) -> AlertEngine:
        """Another alert engine on this database."""
        return AlertEngine(
            self.database,
            [surge_detector()],
            self._endpoints,
            clock=wall_clock,
            timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
            poll_s=poll_s,
            jobs_at_once=jobs_at_once,
            rules=rules,
        )

    def publish(self, *stories: Story) -> Ingested:
        """Ingests stories in one transaction."""
        return self.book([self.document(story) for story in stories])

    def book(self, documents: Sequence[ScoredDocument]) -> Ingested:
        """Ingests documents in one transaction."""
        return self._ingest.scored(documents, [ReadTo("documents.scored", 0, self._offset)])

    def calm(self, days: int = 5, until: float = 0) -> None:
        """A market that says something harmless every half hour before the minute `until`."""
        self.publish(*(Story(until - 30 * step, "other", "neutral", score=0.0) for step in range(1, 48 * days)))

    def surge(self, minute: float = 0, count: int = 5) -> None:
        """Negative stories about Acme, two minutes apart from `minute` on."""
        self.publish(*(Story(minute + 2 * step, title=f"Acme trouble {minute} {step}") for step in range(count)))

    def later(self, minute: float) -> None:
        """Moves event time: something harmless at `minute`."""
        self.publish(Story(minute, "other", "neutral", score=0.0))

    def take_down(self, entity: str) -> int:
        """Takes down everything that names a company; returns how many documents that were."""
        query = text("SELECT document_id FROM mentions WHERE entity_id = :entity ORDER BY 1")
        with self.database.connect() as connection:
            ids = connection.execute(query, {"entity": entity}).scalars().all()
        takedowns = []
        for document_id in ids:
            self._offset += 1
            takedowns.append(
                Retraction(
                    document_id=document_id,
                    origin=Origin(topic="documents.raw", partition=0, offset=self._offset),
                    published_at=NOON,
                    arrived_at=NOON,
                    revised_at=NOON,
                )
            )
        return self._ingest.scored(takedowns, [ReadTo("documents.scored", 0, self._offset)]).retracted

    def alerts(self) -> list[tuple[str, float, float, str, str]]:
        """(entity, first minute, last minute, severity, status) in order of time."""
        with self.database.connect() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.first_bucket, alerts.c.entity_id)).all()
        return [
            (row.entity_id, _minute(row.first_bucket), _minute(row.last_bucket), row.severity, row.status)
            for row in rows
        ]

    def history(self) -> list[tuple[str | None, str, str]]:
        """(from, to, reason) of every entry."""
        with self.database.connect() as connection:
            rows = connection.execute(select(alert_history).order_by(alert_history.c.entry_id)).all()
        return [(row.from_status, row.to_status, row.reason) for row in rows]

    def events(self) -> list[str]:
        """The types of what is in the outbox, sorted."""
        with self.database.connect() as connection:
            return sorted(connection.execute(select(deliveries.c.event_type)).scalars())

    def work_left(self) -> int:
        """How many buckets wait for the engine."""
        with self.database.connect() as connection:
            return len(connection.execute(select(changed_buckets)).all())

    def document(self, story: Story) -> ScoredDocument:
        """A story as the scorer would send it."""
        micro = round(story.score * 1e6)
        self._offset += 1
        return ScoredDocument(
            document_id=uuid5(UUID(int=7), f"{story}{uuid4()}"),
            origin=Origin(topic="documents.raw", partition=0, offset=self._offset),
            source=story.source,
            topics=story.topics,
            url=story.url,
            title=story.title,
            body=story.body,
            language="en",
            published_at=NOON + timedelta(minutes=story.minute),
            arrived_at=wall_clock(),
            story_id=uuid4(),
            novelty=story.novelty,
            sentiment=story.sentiment,
            negative=max(0.0, -story.score),
            neutral=1 - abs(story.score),
            positive=max(0.0, story.score),
            score_micro=micro,
            mentions=(
                Mention(
                    entity_id=story.entity,
                    surface=story.surface or story.entity,
                    sentiment=story.sentiment,
                    score_micro=micro,
                ),
                *(
                    Mention(entity_id=other, surface=other, sentiment="neutral", score_micro=0)
                    for other in story.beside
                ),
            ),
            model_version="test",
        )


def pending_locks(database: Engine) -> int:
    """How many sessions wait for a lock."""
    with database.connect() as connection:
        waiting: int = connection.execute(text("select count(*) from pg_locks where not granted")).scalar_one()
    return waiting


def _minute(at: datetime) -> float:
    return (at - NOON).total_seconds() / 60


def shuffled(stories: Iterable[Story], order: Sequence[int]) -> list[Story]:
    """The stories in another order."""
    each = list(stories)
    return [each[index] for index in order]
