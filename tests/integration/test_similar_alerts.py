"""Alerts before this one that are like it: the company's own first, then those of its group on the same topics; and
how each ended.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from alert_stage import NOON
from console_stage import ConsoleStage, wall_clock
from sqlalchemy import insert, update

from alerts.answers.feedback import note, withdraw
from alerts.reading.similar_alerts import SimilarAlert, similar_alerts
from storage.tables import alert_history, alerts, entities


def ended(console: ConsoleStage, alert_id: UUID, actor: str, reason: str) -> None:
    row = {"alert_id": alert_id, "at": NOON, "from_status": "firing", "to_status": "resolved", "actor": actor}
    with console.database.begin() as connection:
        connection.execute(insert(alert_history).values(row | {"reason": reason}))


def found(console: ConsoleStage, alert_id: UUID | None = None) -> list[SimilarAlert]:
    """What is like this alert, by default Acme's newest; it is of the topic credit."""
    alert_id = alert_id or console.alert_id()
    with console.database.begin() as connection:
        connection.execute(update(alerts).where(alerts.c.alert_id == alert_id).values(topics=["credit"]))
        return similar_alerts(connection, alert_id)


def test_the_company_comes_first_then_its_group_on_the_same_topics_and_nobody_else(own_console: ConsoleStage):
    alert_id = own_console.alert_id()
    with own_console.database.begin() as connection:
        other = {"entity_id": "gamma", "name": "Gamma", "aliases": [], "tickers": [], "groups": ["shops"]}
        connection.execute(insert(entities).values(other))
    own_other_topic = own_console.earlier("acme", 40, topics=["fraud"])
    own_same_topic = own_console.earlier("acme", 90, topics=["credit"])
    of_the_group = own_console.earlier("beta", 20, topics=["credit", "fraud"])
    own_console.earlier("beta", 10, topics=["strike"])
    own_console.earlier("gamma", 5, topics=["credit"])
    own_console.earlier("acme", -5, topics=["credit"])

    similar = found(own_console, alert_id)
    assert [one.alert_id for one in similar] == [own_same_topic, own_other_topic, of_the_group]
    assert [one.shared_topics for one in similar] == [("credit",), (), ("credit",)]
    assert [one.likeness for one in similar] == pytest.approx([1.0, 0.6, 0.4])


def test_of_equals_the_newer_comes_first_and_another_detector_later(own_console: ConsoleStage):
    old, new = own_console.earlier("acme", 50), own_console.earlier("acme", 10)
    other = own_console.earlier("acme", 3, detector="volume_surge")

    assert [one.alert_id for one in found(own_console)] == [new, old, other]


def test_it_says_how_each_ended(own_console: ConsoleStage):
    quiet, by_hand = own_console.earlier("acme", 1), own_console.earlier("acme", 2)
    false_alarm, taken_back = own_console.earlier("acme", 3), own_console.earlier("acme", 4)
    own_console.earlier("acme", 5, status="acknowledged")
    ended(own_console, quiet, "engine", "quiet since noon")
    for alert_id in (by_hand, false_alarm, taken_back):
        ended(own_console, alert_id, "ada", "it was <b>nothing</b>")
    with own_console.database.begin() as connection:
        note(connection, false_alarm, "true", why="", actor="li", now=wall_clock())
        note(connection, false_alarm, "false_alarm", why="another Acme", actor="ada", now=wall_clock())
        note(connection, taken_back, "true", why="", actor="ada", now=wall_clock())
        withdraw(connection, taken_back, actor="ada", now=wall_clock())

    told = [(one.verdict, one.verdict_by, one.ended_by) for one in found(own_console)]
    assert told == [("", "", "engine"), ("", "", "ada"), ("false_alarm", "ada", "ada"), ("", "", "ada"), ("", "", "")]
    page = own_console.browser().get(f"/alerts/{own_console.alert_id()}").text
    for words in (
        "went quiet by itself",
        "resolved by ada: it was &lt;b&gt;nothing&lt;/b&gt;",
        "<strong>false alarm, says ada</strong>: another Acme",
        "not over: acknowledged",
    ):
        assert words in page


def test_the_api_has_them_and_the_first_of_its_kind_has_none(own_console: ConsoleStage):
    client = own_console.client("viewer")
    path = f"/alerts/{own_console.alert_id()}/similar"
    assert client.get(path).json() == []
    before = own_console.earlier("acme", 7)

    (similar,) = client.get(path).json()
    assert (similar["alert_id"], similar["same_company"], similar["name"]) == (str(before), True, "Acme Ltd")
    assert client.get(f"/alerts/{uuid4()}/similar").status_code == 404


def test_no_more_than_eight_are_told(own_console: ConsoleStage):
    for days in range(1, 12):
        own_console.earlier("acme", days)

    assert len(found(own_console)) == 8
