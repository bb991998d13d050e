"""Names that no list has, from the records to the webhook.

Quillfeather Valley Bank is on no watch list. Three bad stories by two sources within a day raise an alarm that says so,
and how to put it on the list. Nothing is counted beside the documents, so batches and order make no difference.
"""

from __future__ import annotations

import csv
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_stage import NOON, SECRET, wall_clock
from newsroom import DAY, LISTED, SURGE, Newsroom, delivered
from sqlalchemy import Engine, event, text

from alerts.delivery.endpoints import Endpoint
from alerts.delivery.receiver import WebhookReceiver
from alerts.detection.counts import StoredCounts
from alerts.detection.detectors import History
from alerts.detection.name_counts import NameCounts
from alerts.detection.series import minute_of
from alerts.detection.unlisted import entity_of, name_of
from storage import erasure
from storage.records import ScoredDocument
from stream.watchlist import Entity, load


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

        data = delivered(database, desk, receiver)
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
    for document in down[1:]:
        room.take_down(document)
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
    room.calm()
    room.store_and_look(documents, chance)
    assert [(entity.removeprefix("unlisted:"), first) for entity, first, _ in room.found()] == plain_reading(database)


def plain_reading(database: Engine) -> list[tuple[str, float]]:
    """(name, first minute) of every episode, each bucket judged once from the final counts."""
    noon, found = minute_of(NOON), []
    span = (noon - 40 * DAY, noon + 40 * DAY)
    entities = [entity_of(f"{name} Bank") for name in ("Quillfeather Valley", "Mossgate", "Brackwater")]
    with database.connect() as connection:
        counts = NameCounts(StoredCounts(connection))
        for entity, series in counts.entities(entities, *span).items():
            last = -DAY - 1
            history = History(series, counts.market(*span))
            for finding in SURGE.findings(history, series.buckets.tolist()):
                if finding.bucket > last + DAY:
                    found.append((float(finding.bucket - noon), name_of(entity)))
                last = finding.bucket
    assert len(found) >= 3
    return [(name, first) for first, name in sorted(found)]
