"""The daily digest: the day's alerts and the companies with most bad news, sent once however often it is written."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from threading import Barrier, Thread

import msgspec
import pytest
from alert_stage import Stage, Story, wall_clock
from jsonschema import Draft202012Validator
from sqlalchemy import Engine, select

from alerts.delivery.digests import digest, write_digest
from storage.tables import deliveries

DAY = date(2024, 5, 6)
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "digest-v1.json"


@pytest.fixture
def stage(database: Engine) -> Stage:
    """A day on which Acme had a surge, and another company one bad story and one good one."""
    stage = Stage(database)
    stage.calm()
    stage.surge()
    stage.publish(Story(5, "bank"), Story(6, "bank", "positive", score=0.5))
    stage.engine().once()
    return stage


def test_it_names_the_alerts_and_the_companies_of_the_day(stage: Stage) -> None:
    with stage.database.connect() as connection:
        data = digest(connection, DAY, wall_clock()).data
    (alert,) = data.alerts
    assert (alert.company.name, alert.observed, alert.status) == ("Acme Ltd", 5, "firing")
    assert alert.detector == "negative_surge"
    assert [(each.company.name, each.negative, each.documents) for each in data.companies] == [
        ("Acme Ltd", 5, 5),
        ("bank", 1, 2),
    ]
    assert data.companies[1].score == pytest.approx(-0.2)
    assert data.negative == 6
    assert data.day == "2024-05-06"


def test_a_day_without_anything_has_an_empty_digest(stage: Stage) -> None:
    with stage.database.connect() as connection:
        data = digest(connection, date(2020, 1, 1), wall_clock()).data
    assert (data.documents, data.alerts, data.companies) == (0, (), ())


def test_it_keeps_to_the_published_schema(stage: Stage) -> None:
    with stage.database.connect() as connection:
        payload = msgspec.json.encode(digest(connection, DAY, wall_clock()))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(json.loads(payload))


def test_two_replicas_write_it_once_for_each_endpoint(stage: Stage) -> None:
    together = Barrier(2)
    written: list[int] = []

    def replica() -> None:
        together.wait(10)
        with stage.database.begin() as connection:
            written.append(write_digest(connection, DAY, ["desk", "mail"], wall_clock()))

    threads = [Thread(target=replica) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(written) == 2
    with stage.database.connect() as connection:
        query = select(deliveries.c.endpoint).where(deliveries.c.event_type == "digest.daily")
        assert sorted(connection.execute(query).scalars()) == ["desk", "mail"]


def test_the_next_day_is_another_digest(stage: Stage) -> None:
    with stage.database.begin() as connection:
        assert write_digest(connection, DAY, ["desk"], wall_clock()) == 1
        assert write_digest(connection, date(2024, 5, 7), ["desk"], wall_clock()) == 1
