"""An alert that an operator's rule raised, as the console and the API show it: what was asked for, and no chance."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

import pytest
from alert_stage import Stage, Story
from console_stage import ConsoleStage, on_database
from sqlalchemy import Engine, text

from deploy.rule_settings import Rule

GIVEN = {"name": "pay-late", "pattern": "<b>|pay", "words": ["payment"], "negative_share": 0.5, "documents": 2}


@pytest.fixture
def raised(database: Engine) -> Iterator[tuple[ConsoleStage, str]]:
    """The console, and the id of the alert."""
    stage = Stage(database)
    stage.publish(Story(0), Story(1), Story(2, sentiment="positive", score=0.4))
    stage.later(100)
    stage.engine(rules=[Rule.model_validate(GIVEN | {"entities": ["acme"]}).judge()]).once()
    with database.connect() as connection:
        found = connection.execute(text("select alert_id from alerts where detector = 'rule:pay-late'")).scalar_one()
    console = on_database(database)
    yield console, str(found)
    console.close()


def test_the_inbox_and_the_alert_say_what_the_rule_asked_for(raised: tuple[ConsoleStage, str]) -> None:
    console, alert_id = raised
    browser = console.browser()
    assert "Rule pay-late: 3 within 1 h" in unescape(browser.get("/").text)
    page = unescape(browser.get(f"/alerts/{alert_id}").text)
    assert "3 documents, at least 2" in page
    assert "share of negative ones 0.667, at least 0.5" in page
    assert "<code><b>|pay</code>" in page
    assert "<code>&lt;b&gt;|pay</code>" in browser.get(f"/alerts/{alert_id}").text
    assert "Chance in calm times" not in page
    browser.cookies.set("yuqing_language", "zh")
    assert "规则 pay-late：1 小时内 3 条" in browser.get("/").text
    assert "负面占比 0.667，至少 0.5" in browser.get(f"/alerts/{alert_id}").text


def test_the_api_says_the_same(raised: tuple[ConsoleStage, str]) -> None:
    console, alert_id = raised
    client = console.client()
    assert client.get(f"alerts/{alert_id}").json()["detector"] == "rule:pay-late"
    told = client.get(f"alerts/{alert_id}/evidence").json()["rule"]
    assert told["name"] == "pay-late"
    assert [(one["measure"], one["bound"]) for one in told["bounds"]] == [("documents", 2), ("negative_share", 0.5)]
    assert (told["pattern"], told["words"]) == ("<b>|pay", ["payment"])
