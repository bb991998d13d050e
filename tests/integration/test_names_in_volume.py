"""Much is said about a name that no list has, and none of it is bad news: that alarms as well.

Quillfeather's board dismisses its chief executive. The model reads that as neutral, as it read OpenAI's; five stories
by two sources within hours are far more than is usual of the name.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from alert_stage import NOON, SECRET
from console_stage import ConsoleStage, on_database
from newsroom import DAY, LISTED, Newsroom, delivered
from sqlalchemy import Engine, event, select, text

from alerts.delivery.endpoints import Endpoint
from alerts.delivery.receiver import WebhookReceiver
from alerts.detection.counts import StoredCounts
from alerts.detection.detectors import History
from alerts.detection.name_counts import NameCounts
from alerts.detection.series import minute_of, time_of
from alerts.detection.unlisted import entity_of, name_of
from alerts.detection.unlisted_volume import UnlistedVolume
from alerts.reading.alert_list import find_alert
from alerts.reading.volume_band import volume_band
from storage.records import ScoredDocument
from storage.tables import alerts
from stream.watchlist import Entity

VOLUME = UnlistedVolume(0.2)
HEADLINES = (
    "{0} CEO Steps Down",
    "{0}’s board dismisses its chief executive",
    "Investors in {0} were told by mail, says the {0} board",
    "{0} shares of employees are to be sold later",
    "Staff ask {0} chief to return",
    "Another {0} executive leaves, and the {0} board is silent",
)


def dismissal(room: Newsroom, name: str = "Quillfeather", minute: float = 0, step: float = 25) -> list[ScoredDocument]:
    """Six stories by two sources, none of them bad."""
    return [
        room.document(minute + step * number, headline.format(name), ("wire", "paper")[number % 2], bad=False)
        for number, headline in enumerate(HEADLINES)
    ]


@pytest.fixture
def room(database: Engine) -> Newsroom:
    room = Newsroom(database, detector=VOLUME)
    room.calm(12)
    return room


def test_it_alarms_with_its_stories_and_the_offer_to_watch_it(database: Engine) -> None:
    with WebhookReceiver(SECRET) as receiver:
        desk = Endpoint("desk", receiver.url, SECRET, allow_private=True)
        room = Newsroom(database, (desk,), VOLUME)
        room.calm(12)
        room.store(*dismissal(room))
        room.look()
        ((entity, first, status),) = room.found()
        assert (entity, status) == ("unlisted:Quillfeather", "firing")
        assert 50 <= first <= 125
        data = delivered(database, desk, receiver)
    assert (data["detector"], data["company"]["name"]) == ("unlisted_volume", "Quillfeather")
    assert [document["title"] for document in data["documents"]] == [each.format("Quillfeather") for each in HEADLINES]
    assert data["observed"] == len(HEADLINES)
    assert data["meaning"].startswith("Far more is said about a name that is on no watch list")
    assert "6 stories of any tone in" in data["reason"]
    assert "`yuqing watchlist add`" in data["reason"]
    assert data["add_to_list"] == "quillfeather,Quillfeather,,"


def test_what_is_listed_what_one_source_says_and_what_is_usual_raises_nothing(room: Newsroom) -> None:
    listed = (*LISTED, Entity(entity_id="bramblewick", name="Bramblewick"))
    room.store(
        *(room.document(20.0 * number, f"Mossgate chief speaks, {number}", bad=False) for number in range(9)),
        *(
            room.document(20.0 * number, f"Bramblewick chief speaks, {number}", f"s{number}", listed=listed, bad=False)
            for number in range(9)
        ),
        *(
            room.document(40 - 160.0 * number, f"Zembla chief speaks, {number}", f"s{number % 3}", bad=False)
            for number in range(100)
        ),
    )
    room.look()
    assert [entity for entity, first, _ in room.found() if first >= 0] == []


def test_what_was_taken_down_before_anybody_looked_raises_nothing(room: Newsroom) -> None:
    told = dismissal(room)
    room.store(*told)
    for document in told[2:]:
        room.take_down(document)
    room.look()
    assert room.found() == []


def test_names_of_the_minutes_that_moved_are_read_and_no_others(room: Newsroom) -> None:
    room.store(*dismissal(room, "Zembla", -3 * DAY), *dismissal(room, "Bramblewick", -365 * DAY))
    room.look()
    asked: list[tuple[list[str], timedelta]] = []

    @event.listens_for(room.database, "before_execute")
    def _note(_connection: Any, _statement: Any, _many: Any, given: dict[str, Any], _options: Any) -> None:
        if "names" in given:
            asked.append((given["names"], given["until"] - given["since"]))

    room.store(*dismissal(room))
    room.look()
    assert {tuple(names) for names, _ in asked} == {("Quillfeather",)}
    assert max(span for _, span in asked) < timedelta(minutes=VOLUME.reach_min + 2 * VOLUME.echo_min)


@pytest.fixture
def console(room: Newsroom) -> Iterator[ConsoleStage]:
    room.store(*dismissal(room))
    room.look()
    staged = on_database(room.database)
    yield staged
    staged.close()


def test_its_page_speaks_of_stories_of_any_tone_and_offers_to_watch_the_name(console: ConsoleStage) -> None:
    browser, path = console.browser(), f"/alerts/{console.alert_id(entity_of('Quillfeather'))}"
    english, chinese = (browser.get(path, headers={"Accept-Language": each}).text for each in ("en", "zh"))
    assert "6 stories of any tone in" in english
    assert "surge of all that is said about a name on no list" in english
    assert "egative stor" not in english
    assert "6 条报道（不论褒贬）" in chinese
    assert "名单外名称报道量激增" in chinese
    assert "/watchlist?name=Quillfeather" in english


def test_its_chart_has_what_the_detector_saw_and_expected(console: ConsoleStage) -> None:
    with console.database.connect() as connection:
        alert = find_alert(connection, console.alert_id(entity_of("Quillfeather")))
        assert alert is not None
        stored = connection.execute(select(alerts.c.evidence)).scalar_one()
        peak = time_of(stored["peak"]["bucket"])
        about = {"first": alert.first_bucket, "last": alert.last_bucket, "peak": peak}
        points = volume_band(connection, alert.entity_id, horizon_s=alert.horizon_s, **about)
    (decisive,) = [point for point in points if point.at == peak]
    assert decisive.observed == alert.observed == len(HEADLINES)
    assert decisive.expected == pytest.approx(alert.expected)


@pytest.mark.parametrize("seed", range(2))
def test_the_same_documents_in_any_batches_open_the_same_alerts(database: Engine, seed: int) -> None:
    chance = random.Random(seed)
    room = Newsroom(database, detector=VOLUME)
    documents = [*dismissal(room), *dismissal(room, "Mossgate", 700, 90), *dismissal(room, "Mossgate", 6 * DAY, 7)]
    documents += [room.document(95.0 * step, f"Zembla chief speaks, {step}", f"s{step % 3}") for step in range(80)]
    documents += [room.document(125.0 + step, f"Zembla board meets, {step}", "s1") for step in (0, 1, 4, 5, 9, 10)]
    room.calm(12)
    room.store_and_look(documents, chance)
    assert [(name_of(entity), first) for entity, first, _ in room.found()] == plain_reading(database)


def plain_reading(database: Engine) -> list[tuple[str, float]]:
    """(name, first minute) of every episode, each bucket judged once from the final counts."""
    noon, found = minute_of(NOON), []
    span = (noon - 60 * DAY, noon + 40 * DAY)
    with database.connect() as connection:
        names = connection.execute(text("SELECT DISTINCT unnest(names) FROM documents")).scalars().all()
        counts = NameCounts(StoredCounts(connection))
        for entity, series in counts.volumes(sorted(map(entity_of, names)), *span).items():
            last = -DAY - 1
            history = History(series, counts.market(*span))
            for finding in VOLUME.findings(history, series.buckets.tolist()):
                if finding.bucket > last + DAY:
                    found.append((float(finding.bucket - noon), name_of(entity)))
                last = finding.bucket
    assert len(found) >= 3
    return [(name, first) for first, name in sorted(found)]
