"""One engine, several detectors: what each raises, on which documents, and in which words."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from alert_stage import DESK, LATENESS, Stage, Story, wall_clock
from sqlalchemy import Engine, select

from alerts.delivery.messages import message, parsed
from alerts.detection.detectors import NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.market_surge import MarketSurge
from alerts.detection.risk_event import RiskEvent
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.engine import AlertEngine, Timing
from storage.tables import alerts, deliveries

FRAUD = ("risk_suspected_fraud", "legal_regulation")


@pytest.fixture
def stage(database: Engine) -> Stage:
    stage = Stage(database)
    stage.calm(20)
    return stage


def look(stage: Stage) -> dict[tuple[str, str], Any]:
    """One round of an engine with the detectors of a list of 100; the alerts by detector and entity."""
    budget = Budget(1, 100)
    detectors = (NegativeSurge(budget), FirstBadNews(budget), RiskEvent(1, 100), MarketSurge(Budget(0.05, 1)))
    timing = Timing(allowed_lateness=LATENESS, quiet=timedelta(days=3))
    AlertEngine(stage.database, detectors, [DESK], clock=wall_clock, timing=timing).once()
    with stage.database.connect() as connection:
        return {(row.detector, row.entity_id): row for row in connection.execute(select(alerts))}


def titles(row: Any) -> list[str]:
    return [document["title"] for document in row.evidence["documents"]]


def test_a_first_story_of_fraud_is_a_warning_with_the_story_itself_in_front(stage: Stage) -> None:
    stage.publish(Story(0, title="Shares fall", score=-0.99), Story(60, title="Acme is charged", topics=FRAUD))
    found = look(stage)
    row = found["risk_event", "acme"]
    assert (row.severity, row.observed, titles(row)) == ("warning", 1, ["Acme is charged", "Shares fall"])
    assert "risk_suspected_fraud" in row.topics
    with stage.database.connect() as connection:
        query = select(deliveries.c.payload).where(deliveries.c.alert_id == row.alert_id)
        payload = connection.execute(query).scalar_one()
    assert payload["data"]["meaning"].startswith("News of a grave risk")
    assert "previous" in payload["data"]


def test_a_good_or_reprinted_story_of_fraud_is_none(stage: Stage) -> None:
    stage.publish(Story(0, sentiment="neutral", score=0.0, topics=FRAUD), Story(60, novelty="reprint", topics=FRAUD))
    assert look(stage) == {}


def test_a_document_on_two_grave_topics_is_one_story(stage: Stage) -> None:
    stage.publish(Story(0, topics=("risk_suspected_fraud", "risk_closure")))
    assert look(stage)["risk_event", "acme"].observed == 1


def test_two_stories_after_a_long_quiet_say_when_the_last_one_was(stage: Stage) -> None:
    stage.publish(Story(0, "bank"), Story(90, "bank"))
    found = look(stage)
    assert set(found) == {("first_bad_news", "bank")}
    with stage.database.connect() as connection:
        body = connection.execute(select(deliveries.c.payload)).scalar_one()
    told = [message(parsed(json.dumps(body)), language) for language in ("en", "zh")]
    assert told[0].title == "[watch] bank: first bad news, 2 negative stories"
    assert "had next to none for long. None is known before." in told[0].text
    assert told[1].title == "【关注】bank：首现负面，共 2 条新闻"
    assert "此前没有记录。" in told[1].text


def test_a_crash_is_told_as_one_of_the_whole_market_with_its_worst_documents(stage: Stage) -> None:
    stage.publish(*(Story(-1440 * day - 60 * hour, f"c{day}") for day in range(1, 20) for hour in (1, 5)))
    look(stage)  # calm, and settled before the crash
    crash = [Story(2 * step, f"d{step}", title=f"crash {step:03}", score=-0.5 - step / 1000) for step in range(300)]
    stage.publish(*crash)
    row = look(stage)["market_surge", "*"]
    assert row.observed >= 100
    assert titles(row)[0] >= "crash 1"
    with stage.database.connect() as connection:
        query = select(deliveries.c.payload).where(deliveries.c.alert_id == row.alert_id).limit(1)
        body = connection.execute(query).scalar_one()
    assert body["data"]["company"] == {"entity_id": "*", "name": "the whole market"}
    assert message(parsed(json.dumps(body)), "zh").title.startswith("【警告】全市场：300 条")


def test_a_surge_of_harmless_stories_is_told_with_what_began_it_and_its_reprints_are_no_stories(stage: Stage) -> None:
    board = [
        Story(15 * step, sentiment="neutral", score=0.0, title=f"the board {step:02}", novelty=novelty)
        for step in range(8)
        for novelty in ("reprint", "new")
    ]
    stage.publish(Story(-30 * 1440, sentiment="neutral", score=0.0), *board)
    timing = Timing(allowed_lateness=LATENESS, quiet=timedelta(days=3))
    detectors = (NegativeSurge(Budget(1, 100)), VolumeAlarm(Budget(1, 100)))
    AlertEngine(stage.database, detectors, [DESK], clock=wall_clock, timing=timing).once()
    with stage.database.connect() as connection:
        row = connection.execute(select(alerts)).one()
        body = connection.execute(select(deliveries.c.payload).order_by(deliveries.c.created_at).limit(1)).scalar_one()
    assert (row.detector, row.entity_id, row.observed) == ("volume_surge", "acme", 8)
    assert titles(row)[:2] == ["the board 00", "the board 01"]
    assert "Far more is said about the company" in body["data"]["meaning"]


def test_a_share_waits_until_its_minute_is_complete(stage: Stage) -> None:
    """Then it hears of harmless news that came late, and its jobs are taken from the list for good."""

    def look_at_shares() -> list[str]:
        timing = Timing(allowed_lateness=LATENESS, quiet=timedelta(days=3))
        detectors = (NegativeSurge(Budget(1e-6, 100)), ShareShift(Budget(5, 100)))
        AlertEngine(stage.database, detectors, [DESK], clock=wall_clock, timing=timing).once()
        with stage.database.connect() as connection:
            return list(connection.execute(select(alerts.c.entity_id).order_by(alerts.c.entity_id)).scalars())

    assert look_at_shares() == []
    stage.publish(*(Story(6 * step, entity) for step in range(10) for entity in ("acme", "bank")))
    assert look_at_shares() == []
    assert stage.work_left() > 0
    stage.publish(*(Story(step, "bank", "neutral", score=0.0) for step in range(0, 60, 2)))
    stage.later(60 + LATENESS.total_seconds() / 60)
    assert look_at_shares() == ["acme"]
    stage.later(1440)
    assert look_at_shares() == ["acme"]
    assert stage.work_left() == 2, "the market's last minute and the company's"
