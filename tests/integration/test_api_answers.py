"""What analysts do over HTTP is what the desk does: seen in the history, refused where it makes no sense."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from console_stage import ConsoleStage, wall_clock
from fastapi.testclient import TestClient
from sqlalchemy import select

from storage.tables import alert_feedback, label_corrections


@pytest.fixture
def client(own_console: ConsoleStage) -> TestClient:
    return own_console.client("operator")


def test_an_alert_is_acknowledged_snoozed_resolved_and_reopened(own_console: ConsoleStage, client: TestClient):
    path = f"/alerts/{own_console.alert_id()}"
    until = (wall_clock() + timedelta(hours=2)).isoformat()
    answers = [
        client.post(f"{path}/{verb}", json=body).json()
        for verb, body in [
            ("acknowledge", {"reason": "mine"}),
            ("snooze", {"until": until}),
            ("resolve", {}),
            ("reopen", {}),
            ("comments", {"reason": "well"}),
        ]
    ]

    assert [answer["status"] for answer in answers] == ["acknowledged", "snoozed", "resolved", "reopened", "reopened"]
    history = client.get(f"{path}/history").json()
    assert [(entry["action"], entry["actor"]) for entry in history[1:]] == [
        (action, "a operator") for action in ("acknowledge", "snooze", "resolve", "reopen", "comment")
    ]


def test_what_the_status_does_not_allow_is_a_conflict_that_says_what_it_allows(own_console, client: TestClient):
    answer = client.post(f"/alerts/{own_console.alert_id()}/reopen", json={})

    assert answer.status_code == 409
    assert "acknowledge" in answer.json()["detail"]


def test_a_false_alarm_is_resolved_and_noted(own_console: ConsoleStage, client: TestClient):
    path = f"/alerts/{own_console.alert_id()}"
    answer = client.post(f"{path}/feedback", json={"verdict": "false_alarm", "reason": "old news"})

    assert answer.json()["status"] == "resolved"
    with own_console.database.connect() as connection:
        noted = connection.execute(select(alert_feedback.c.verdict, alert_feedback.c.why)).all()
    assert noted == [("false_alarm", "old news")]


def test_a_silence_begins_and_ends(client: TestClient):
    wanted = {
        "matchers": [{"label": "entity", "operator": "=~", "value": "ac.*"}],
        "reason": "planned",
        "ends_at": (wall_clock() + timedelta(hours=1)).isoformat(),
    }
    made = client.post("/silences", json=wanted).json()
    listed = client.get("/silences").json()
    ended = client.delete(f"/silences/{made['silence_id']}").json()

    assert (made["state"], ended["state"], listed) == ("active", "expired", [made])
    assert client.get("/silences").json() == []
    assert len(client.get("/silences?expired=true").json()) == 1
    assert client.delete(f"/silences/{made['silence_id']}").status_code == 404


def test_a_subscription_is_made_listed_and_taken_away(client: TestClient):
    wanted = {
        "analyst": "ada",
        "endpoint": "desk",
        "matchers": [{"label": "group", "operator": "=", "value": "banks"}],
        "min_severity": "warning",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "zone": "Europe/Berlin",
    }
    made = client.post("/subscriptions", json=wanted)
    path = f"/subscriptions/{made.json()['subscription_id']}"

    assert made.status_code == 201, made.text
    assert wanted.items() <= made.json().items()
    assert client.get("/subscriptions?analyst=ada").json() == [made.json()]
    assert client.get("/subscriptions?analyst=bob").json() == []
    assert client.post("/subscriptions", json=wanted | {"zone": "Mars/Base"}).status_code == 400
    assert (client.delete(path).status_code, client.delete(path).status_code) == (200, 404)


def test_a_document_is_corrected(own_console: ConsoleStage, client: TestClient):
    document = client.get("/documents", params={"q": "降息"}).json()["items"][0]
    answer = client.post(f"/documents/{document['document_id']}/corrections", json={"sentiment": "neutral"})

    assert answer.status_code == 201
    with own_console.database.connect() as connection:
        (noted,) = connection.execute(select(label_corrections)).all()
    assert (noted.sentiment, noted.model_sentiment, noted.actor) == ("neutral", "positive", "a operator")
    assert client.post(f"/documents/{uuid4()}/corrections", json={"sentiment": "neutral"}).status_code == 404


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("acknowledge", {"why": "x"}, 422),
        ("acknowledge", {"reason": "a\x00b"}, 422),
        ("comments", {"reason": " "}, 422),
        ("snooze", {}, 422),
        ("snooze", {"until": "2020-01-01T00:00:00Z"}, 400),
        ("feedback", {"verdict": "perhaps"}, 422),
    ],
)
def test_what_makes_no_sense_changes_nothing(console: ConsoleStage, verb: str, body: dict, status: int):
    client = console.client("analyst")
    path = f"/alerts/{console.alert_id()}"
    before = client.get(f"{path}/history").json()

    assert client.post(f"{path}/{verb}", json=body).status_code == status
    assert client.get(f"{path}/history").json() == before
    assert client.post(f"/alerts/{uuid4()}/acknowledge", json={}).status_code == 404
