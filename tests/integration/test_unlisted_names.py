"""Names that no list has, from the records to the webhook.

Quillfeather Valley Bank is on no watch list. Three bad stories by two sources within a day raise an alarm that says so,
and how to put it on the list. Nothing is counted beside the documents, so batches and order make no difference.
"""

from __future__ import annotations

import csv
import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_stage import LATENESS, NOON, SECRET, wall_clock
from eventually import eventually
from sqlalchemy import Engine, event, select, text

from alerts.delivery.deliveries import Deliverer
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.receiver import WebhookReceiver
from alerts.detection.counts import StoredCounts
from alerts.detection.detectors import History
from alerts.detection.name_counts import NameCounts
from alerts.detection.series import minute_of
from alerts.detection.unlisted import entity_of, name_of
from alerts.detection.unlisted_surge import UnlistedSurge
from alerts.engine import AlertEngine, Timing
from model.classifier import Prediction
from storage import erasure
from storage.ingest import Ingest, ReadTo
from storage.records import Retraction, ScoredDocument
from storage.tables import alerts
from stream.documents import RawDocument, encode
from stream.entities import EntityLinker
from stream.intake import Intake, RawRecord, Read
from stream.limits import Limits
from stream.novelty import Place
from stream.scored_documents import scored_document
from stream.watchlist import Entity, load

DAY = 1440
BAD = Prediction(0.95, 0.04, 0.01, (), ())
FLAT = Prediction(0.02, 0.95, 0.03, (), ())
LISTED = (Entity(entity_id="northwind", name="Northwind Bank"),)


class Newsroom:
    """Publishes texts at minutes from noon on, as a scorer would, and lets an alert engine look."""

    def __init__(self, database: Engine, endpoints: Sequence[Endpoint] = ()) -> None:
        self.database = database
        self._endpoints = endpoints
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
            [UnlistedSurge(0.2)],
            self._endpoints,
            clock=wall_clock,
            timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
            jobs_at_once=jobs_at_once,
        ).once()

    def found(self) -> list[tuple[str, float, str]]:
        """(entity, first minute, status) of every alert."""
        with self.database.connect() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.first_bucket, alerts.c.entity_id)).all()
        return [(row.entity_id, (row.first_bucket - NOON).total_seconds() / 60, row.status) for row in rows]


def trouble(room: Newsroom, name: str = "Quillfeather Valley Bank", minute: float = 0) -> list[ScoredDocument]:
    return [
        room.document(minute, f"Depositors queue outside {name}", "wire"),
        room.document(minute + 60, f"Regulators are looking into {name}", "paper"),
        room.document(minute + 120, f"Trading in shares of {name} was halted", "wire"),
        room.document(minute + 180, f"Customers of {name} cannot reach their money", "paper"),
    ]


@pytest.fixture
def room(database: Engine) -> Newsroom:
    room = Newsroom(database)
    room.calm()
    return room


def test_a_bank_on_no_list_alarms_with_its_evidence_and_the_offer_to_watch_it(database: Engine, tmp_path: Path) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = Endpoint("desk", receiver.url, SECRET, allow_private=True)
        room = Newsroom(database, (desk,))
        room.calm()
        room.store(*trouble(room))
        room.look()
        ((entity, first, status),) = room.found()
        assert (entity, status) == ("unlisted:Quillfeather Valley Bank", "firing")
        assert first in (120, 180)

        data = _delivered(database, desk, receiver)
        assert data["company"] == {"entity_id": entity, "name": "Quillfeather Valley Bank"}
        assert data["detector"] == "unlisted_surge"
        assert len(data["documents"]) == 4
        assert all("Quillfeather" in document["title"] for document in data["documents"])
        assert "not on the watch list" in data["reason"]
        assert "`yuqing watchlist add`" in data["reason"]
        assert data["add_to_list"] == "quillfeather-valley-bank,Quillfeather Valley Bank,,"

    own = tmp_path / "own.csv"
    own.write_text("entity_id,name,aliases,tickers\n" + data["add_to_list"] + "\n")
    (added,) = load([own], include_default=False)
    assert added.name == "Quillfeather Valley Bank"
    assert next(csv.reader([data["add_to_list"]]))[0] == added.entity_id


def test_once_it_is_listed_the_alert_is_history_and_its_news_is_no_longer_news_of_an_unlisted_name(
    room: Newsroom,
) -> None:
    room.store(*trouble(room))
    room.look()
    listed = (*LISTED, Entity(entity_id="quillfeather", name="Quillfeather Valley Bank"))
    later = room.document(10 * DAY, "Depositors queue outside Quillfeather Valley Bank", listed=listed)
    assert later.names == ()
    assert [mention.entity_id for mention in later.mentions] == ["quillfeather"]
    room.store(later)
    room.look()
    assert [status for *_, status in room.found()] == ["resolved"]


@pytest.mark.parametrize(
    "titles",
    [
        [("Depositors queue outside Mossgate Bank", "wire")] * 9,  # one source, however often
        [
            ("Depositors queue outside Mossgate Bank", "wire"),
            ("Regulators look into Mossgate Bank", "paper"),
        ],  # two stories
        [("Depositors queue outside Northwind Bank", source) for source in ("wire", "paper", "radio")],  # on the list
    ],
)
def test_what_one_source_says_what_is_said_twice_and_what_is_listed_raise_no_such_alarm(
    room: Newsroom, titles: list[tuple[str, str]]
) -> None:
    room.store(*(room.document(10.0 * number, title, source) for number, (title, source) in enumerate(titles)))
    room.look()
    assert room.found() == []


def test_for_items_that_come_a_year_late_the_year_is_not_searched(room: Newsroom) -> None:
    room.store(*trouble(room, "Quillfeather Valley Bank", -365 * DAY), *trouble(room, "Bramblewick Savings Bank"))
    searched: list[timedelta] = []

    @event.listens_for(room.database, "before_execute")
    def _note(_connection: Any, statement: Any, _many: Any, given: dict[str, Any], _options: Any) -> None:
        if "sources" in given:
            searched.append(given["until"] - given["since"])

    room.look()
    assert [name for name, *_ in room.found()] == [
        entity_of("Quillfeather Valley Bank"),
        entity_of("Bramblewick Savings Bank"),
    ]
    assert timedelta() < sum(searched, timedelta()) < timedelta(days=30)


def test_what_is_always_in_the_news_is_no_surge(room: Newsroom) -> None:
    told = [
        room.document(-240.0 * step, "Trouble at Mossgate Bank again", ("a", "b")[step % 2]) for step in range(1, 31)
    ]
    room.store(*told, *trouble(room, "Mossgate Bank"))
    room.look()
    assert [first for _, first, _ in room.found() if first >= 0] == []


def test_what_was_taken_down_or_erased_before_anybody_looked_raises_nothing(room: Newsroom) -> None:
    down, erased = trouble(room), trouble(room, "Mossgate Bank")
    room.store(*down, *erased)
    room.store(*(_takedown(room, document) for document in down[1:]))
    with room.database.begin() as connection:
        for document in erased:
            erasure.erase(connection, document.document_id, now=wall_clock())
    room.look()
    assert room.found() == []
    with room.database.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM documents WHERE 'Mossgate Bank' = ANY(names)"))
        assert left.scalar_one() == 0


@pytest.mark.parametrize("seed", range(2))
def test_the_same_documents_in_any_batches_open_the_same_alerts(database: Engine, seed: int) -> None:
    chance = random.Random(seed)
    room = Newsroom(database)
    documents = [*trouble(room), *trouble(room, "Mossgate Bank", 700), *trouble(room, "Mossgate Bank", 6 * DAY)]
    documents += [room.document(90.0 * step, "Trouble at Brackwater Bank", f"s{step % 3}") for step in range(80)]
    documents.sort(
        key=lambda one: one.published_at + timedelta(minutes=chance.uniform(0, LATENESS.total_seconds() / 60))
    )
    room.calm()
    while documents:
        size = chance.randint(1, 25)
        room.store(*documents[:size])
        del documents[:size]
        if chance.random() < 0.6:
            room.look(jobs_at_once=chance.randint(1, 9))
    room.store(room.document(30 * DAY, "Item", bad=False))
    room.look(jobs_at_once=3)
    assert [(entity.removeprefix("unlisted:"), first) for entity, first, _ in room.found()] == plain_reading(database)


def plain_reading(database: Engine) -> list[tuple[str, float]]:
    """(name, first minute) of every episode, each bucket judged once from the final counts."""
    noon, found = minute_of(NOON), []
    span = (noon - 40 * DAY, noon + 40 * DAY)
    entities = [entity_of(f"{name} Bank") for name in ("Quillfeather Valley", "Mossgate", "Brackwater")]
    with database.connect() as connection:
        counts = NameCounts(StoredCounts(connection), stories=3, sources=2)
        for entity, series in counts.entities(entities, *span).items():
            last = -DAY - 1
            history = History(series, counts.market(*span))
            for finding in UnlistedSurge(0.2).findings(history, series.buckets.tolist()):
                if finding.bucket > last + DAY:
                    found.append((float(finding.bucket - noon), name_of(entity)))
                last = finding.bucket
    assert len(found) >= 3
    return [(name, first) for first, name in sorted(found)]


def _delivered(database: Engine, desk: Endpoint, receiver: WebhookReceiver) -> dict[str, Any]:
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


def _takedown(room: Newsroom, document: ScoredDocument) -> Retraction:
    at = wall_clock()
    origin = room.document(0, "place taken").origin
    return Retraction(
        document_id=document.document_id,
        origin=origin,
        published_at=document.published_at,
        arrived_at=at,
        revised_at=at,
    )
