"""One click answers an alert, a second one takes it back; what cannot be done is said."""

from __future__ import annotations

import pytest
from console_stage import ConsoleStage
from fastapi.testclient import TestClient
from sqlalchemy import text

from alerts.errors import AnswerError
from alerts.reading.alert_list import find_alert, history


@pytest.fixture
def client(own_console: ConsoleStage) -> TestClient:
    return own_console.browser()


def press(client: TestClient, staged: ConsoleStage, action: str, reason: str = "") -> str:
    path = f"/alerts/{staged.alert_id()}"
    page = client.get(path).text
    proof = page.split(f'action="{path}/answer"')[1].split('name="proof" value="')[1][:64]
    form = {"action": action, "reason": reason, "proof": proof, "next": path}
    return client.post(f"{path}/answer", data=form).text


def status(staged: ConsoleStage) -> str:
    with staged.database.connect() as connection:
        alert = find_alert(connection, staged.alert_id())
        assert alert is not None
        return alert.status


def verdicts(staged: ConsoleStage) -> list[str]:
    with staged.database.connect() as connection:
        return list(connection.execute(text("SELECT verdict FROM alert_verdicts")).scalars())


@pytest.mark.parametrize(
    ("action", "after", "taken_back"),
    [
        ("acknowledge", "acknowledged", "firing"),
        ("snooze", "snoozed", "firing"),
        ("snooze_day", "snoozed", "firing"),
        ("resolve", "resolved", "reopened"),
        ("false_alarm", "resolved", "reopened"),
    ],
)
def test_an_answer_and_its_undo(own_console, client: TestClient, action: str, after: str, taken_back: str):
    page = press(client, own_console, action)
    told = status(own_console)
    noted = verdicts(own_console)
    again = press(client, own_console, "undo")

    assert told == after
    assert 'value="undo"' in page
    assert noted == (["false_alarm"] if action == "false_alarm" else [])
    assert status(own_console) == taken_back
    assert "Taken back." in again
    assert verdicts(own_console) == []


def test_a_snooze_taken_back_leaves_an_acknowledged_alert_acknowledged(own_console, client: TestClient):
    press(client, own_console, "acknowledge")
    press(client, own_console, "snooze")
    press(client, own_console, "undo")

    assert status(own_console) == "acknowledged"


def test_what_another_did_since_is_not_undone(own_console: ConsoleStage, client: TestClient):
    press(client, own_console, "acknowledge")
    own_console.parts.desk.comment(own_console.alert_id(), actor="somebody else", reason="mine now")
    page = press(client, own_console, "undo")

    assert "there is nothing of yours to be taken back" in page
    assert status(own_console) == "acknowledged"
    with pytest.raises(AnswerError, match="comment"):
        own_console.parts.desk.undo(own_console.alert_id(), actor="a analyst")


def test_a_comment_with_markup_stays_text(own_console: ConsoleStage, client: TestClient):
    page = press(client, own_console, "comment", "<b>bold</b> & 中文")

    assert "&lt;b&gt;bold&lt;/b&gt; &amp; 中文" in page
    with own_console.database.connect() as connection:
        last = history(connection, own_console.alert_id())[-1]
    assert (last.actor, last.reason) == ("a analyst", "<b>bold</b> & 中文")


def test_what_the_status_does_not_allow_is_said(own_console: ConsoleStage, client: TestClient):
    page = press(client, own_console, "reopen")

    assert "That cannot be done now." in page
    assert "what can be done" in page


def test_a_button_leads_back_to_the_page_it_was_on(own_console: ConsoleStage, client: TestClient):
    path = f"/alerts/{own_console.alert_id()}/answer"
    page = client.get("/?show=all&q=Acme").text
    form = page.split(f'action="{path}"')[1]
    proof = form.split('name="proof" value="')[1][:64]
    back = form.split('name="next" value="')[1].split('"')[0].replace("&amp;", "&")
    answer = client.post(path, data={"action": "acknowledge", "proof": proof, "next": back}, follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/?show=all&q=Acme&done=acknowledge&alert=")


def test_an_action_that_does_not_exist_is_refused(own_console: ConsoleStage, client: TestClient):
    assert "That makes no sense." in press(client, own_console, "explode")
