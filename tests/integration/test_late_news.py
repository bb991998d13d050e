"""News that comes a year late is judged beside today's, and nobody else's year is read because of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alert_stage import Stage, Story
from sqlalchemy import Engine, event, insert

from storage.tables import entities

YEAR = 365 * 1440


def test_the_counts_of_a_year_are_read_for_nobody(database: Engine) -> None:
    stage = Stage(database)
    with database.begin() as connection:
        rows = [{"entity_id": "beta", "name": "Beta", "aliases": [], "tickers": []}]
        connection.execute(insert(entities), rows)
    stage.calm()
    stage.publish(*(Story(2 * step - YEAR, title=f"Old trouble {step}") for step in range(5)))
    stage.publish(*(Story(2 * step, "beta", title=f"New trouble {step}") for step in range(5)))
    spans: dict[str, list[timedelta]] = {}

    @event.listens_for(database, "before_execute")
    def _note(_connection: Any, _statement: Any, _many: Any, given: dict[str, Any], _options: Any) -> None:
        for entity in given.get("entities", ()) if "until" in given else ():
            spans.setdefault(entity, []).append(given["until"] - given["since"])

    stage.engine().once()
    assert [(entity, first < 0) for entity, first, *_ in stage.alerts()] == [("acme", True), ("beta", False)]
    assert {"acme", "beta", "*"} <= spans.keys()
    assert max(max(each) for each in spans.values()) < timedelta(days=200)
