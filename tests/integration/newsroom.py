"""A newsroom for names that no list has: texts go through intake and ingest, an alert engine looks."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from alert_stage import LATENESS, NOON, wall_clock
from eventually import eventually
from sqlalchemy import Engine, select

from alerts.delivery.deliveries import Deliverer
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.receiver import WebhookReceiver
from alerts.detection.detectors import Detector
from alerts.detection.unlisted_surge import UnlistedSurge
from alerts.engine import AlertEngine, Timing
from model.classifier import Prediction
from storage.ingest import Ingest, ReadTo
from storage.records import Retraction, ScoredDocument
from storage.tables import alerts
from stream.documents import RawDocument, encode
from stream.entities import EntityLinker
from stream.intake import Intake, RawRecord, Read
from stream.limits import Limits
from stream.novelty import Place
from stream.scored_documents import scored_document
from stream.watchlist import Entity

DAY = 1440
BAD = Prediction(0.95, 0.04, 0.01, (), ())
FLAT = Prediction(0.02, 0.95, 0.03, (), ())
SURGE = UnlistedSurge(0.2)
LISTED = (Entity(entity_id="northwind", name="Northwind Bank"),)


class Newsroom:
    """Publishes texts at minutes from noon on, as a scorer would, and lets an alert engine look."""

    def __init__(self, database: Engine, endpoints: Sequence[Endpoint] = (), detector: Detector = SURGE) -> None:
        self.database = database
        self._endpoints = endpoints
        self._detector = detector
        self._ingest = Ingest(database, allowed_lateness=LATENESS, clock=wall_clock)
        self._offset = 0

    def document(
        self, minute: float, title: str, source: str = "wire", *, listed: Sequence[Entity] = LISTED, bad: bool = True
    ) -> ScoredDocument:
        """What intake and model make of an item; each is a story of its own."""
        self._offset += 1
        at = NOON + timedelta(minutes=minute)
        raw = RawDocument(source=source, guid=f"{self._offset}", title=title, published_at=at.isoformat())
        record = RawRecord(
            topic="documents.raw",
            partition=0,
            offset=self._offset,
            key=None,
            value=encode(raw),
            arrived_at=wall_clock(),
        )
        read = Intake(EntityLinker(listed), Limits()).read(record)
        assert isinstance(read, Read)
        place = Place(story_id=read.document_id, novelty="new")
        return scored_document(read, place, [BAD if bad else FLAT] * (1 + len(read.mentions)), "test")

    def store(self, *records: ScoredDocument | Retraction) -> None:
        self._ingest.scored(records, [ReadTo("documents.scored", 0, self._offset)])

    def calm(self, days: int = 5) -> None:
        """A market that says something harmless every half hour before noon."""
        self.store(*(self.document(-30.0 * step, f"Item {step}", bad=False) for step in range(1, 48 * days)))

    def look(self, *, jobs_at_once: int = 2000) -> None:
        AlertEngine(
            self.database,
            [self._detector],
            self._endpoints,
            clock=wall_clock,
            timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
            jobs_at_once=jobs_at_once,
        ).once()

    def store_and_look(self, documents: Sequence[ScoredDocument], chance: random.Random) -> None:
        """In batches of any size, each document up to the allowed lateness late, with looks between at any time."""
        late = LATENESS.total_seconds() / 60
        left = sorted(documents, key=lambda one: one.published_at + timedelta(minutes=chance.uniform(0, late)))
        while left:
            size = chance.randint(1, 25)
            self.store(*left[:size])
            del left[:size]
            if chance.random() < 0.6:
                self.look(jobs_at_once=chance.randint(1, 9))
        self.store(self.document(30 * DAY, "Item", bad=False))
        self.look(jobs_at_once=3)

    def take_down(self, document: ScoredDocument) -> None:
        """Its source withdraws a document."""
        at = wall_clock()
        origin = self.document(0, "place taken").origin
        identity, published_at = document.document_id, document.published_at
        self.store(
            Retraction(document_id=identity, origin=origin, published_at=published_at, arrived_at=at, revised_at=at)
        )

    def found(self) -> list[tuple[str, float, str]]:
        """(entity, first minute, status) of every alert."""
        with self.database.connect() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.first_bucket, alerts.c.entity_id)).all()
        return [(row.entity_id, (row.first_bucket - NOON).total_seconds() / 60, row.status) for row in rows]


def delivered(database: Engine, desk: Endpoint, receiver: WebhookReceiver) -> dict[str, Any]:
    """The data of the first webhook."""
    stop = threading.Event()
    thread = threading.Thread(target=Deliverer(database, [desk], wall_clock, poll_s=0.05).run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: receiver.received, timeout_s=30)
    finally:
        stop.set()
        thread.join(30)
    data: dict[str, Any] = receiver.received[0].payload["data"]
    return data
