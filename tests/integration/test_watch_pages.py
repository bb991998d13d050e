"""The console's pages of the watch list: tried, saved, taken back; refused by field, by role and without a proof."""

from __future__ import annotations

import html
import re

import pytest
from console_stage import ConsoleStage
from fastapi.testclient import TestClient

from alerts.detection.unlisted import entity_of
from storage.watch_entries import current, history

MOSS = {"name": "Mossgate Savings", "aliases": "Mossgate|苔门", "groups": "banks"}
HOSTILE = '<script>alert(1)</script>"><b>Moss'


@pytest.fixture
def client(own_console: ConsoleStage) -> TestClient:
    return own_console.browser()


def form_on(page: str, action: str, button: str = "") -> dict[str, str]:
    """The hidden fields of the form that leads there and has the button."""
    forms = re.findall(rf'<form method="post" action="{action}">(.*?)</form>', page, re.DOTALL)
    (chosen,) = [one for one in forms if button in one]
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', chosen)
    return {name: html.unescape(value) for name, value in fields}


def trial_form(page: str) -> str:
    """The form that tries an entry."""
    return page.split('<form class="entry"')[1].split("</form>")[0]


def save(client: TestClient, button: str = "Save", **query: str) -> str:
    page = client.get("/watchlist", params=query).text
    return client.post("/watchlist/save", data=form_on(page, "/watchlist/save", button)).text


def listed(staged: ConsoleStage) -> dict[str, str]:
    with staged.database.connect() as connection:
        return {one.entry.entity_id: one.entry.name for one in current(connection)}


def actions(staged: ConsoleStage, entity_id: str) -> list[tuple[str, str]]:
    with staged.database.connect() as connection:
        return [(one.action, one.actor) for one in history(connection, entity_id)]


def test_what_was_tried_is_saved_and_taken_back(own_console: ConsoleStage, client: TestClient):
    page = save(client, **MOSS)
    assert "mossgate-savings is on the list." in page
    assert "Version 1:" in page
    assert listed(own_console) == {"mossgate-savings": "Mossgate Savings"}
    form = form_on(page, "/watchlist/undo")
    again = client.post("/watchlist/undo", data=form).text

    assert "Taken back: mossgate-savings" in again
    assert 'action="/watchlist/undo"' not in again
    assert client.post("/watchlist/undo", data=form).status_code == 409, "a button that was pressed twice"
    assert listed(own_console) == {}
    assert actions(own_console, "mossgate-savings") == [("withdrawn", "a analyst"), ("added", "a analyst")]


def test_an_entry_is_changed_withdrawn_and_brought_back(own_console: ConsoleStage, client: TestClient):
    save(client, **MOSS)
    assert 'value="Mossgate|苔门"' in client.get("/watchlist", params={"entity_id": "mossgate-savings"}).text
    save(client, "Save the change", entity_id="mossgate-savings", name="Mossgate")
    page = client.get("/watchlist", params={"entity_id": "mossgate-savings"}).text
    gone = client.post("/watchlist/withdraw", data=form_on(page, "/watchlist/withdraw")).text

    assert (listed(own_console), "mossgate-savings is withdrawn." in gone) == ({}, True)
    client.post("/watchlist/undo", data=form_on(gone, "/watchlist/undo"))
    assert listed(own_console) == {"mossgate-savings": "Mossgate"}
    told = client.get("/watchlist", params={"entity_id": "mossgate-savings"}).text
    assert re.findall(r"<strong>(added|changed|withdrawn)</strong>", told) == ["added", "withdrawn", "changed", "added"]


def test_a_company_of_a_file_is_taken_off_the_list(own_console: ConsoleStage, client: TestClient):
    page = save(client, "Take it off", entity_id="acme")
    assert "Acme Ltd</a> (off the list)" in page
    assert own_console.client().get("/watchlist/acme").json()["remove"] is True


@pytest.mark.parametrize(
    ("query", "field", "told"),
    [
        ({"name": "Moss", "entity_id": "a b"}, "entity_id", "give a short id without spaces"),
        ({"name": "Moss", "aliases": "Acme Ltd"}, "aliases", "&#39;Acme Ltd&#39; belongs to Acme Ltd (acme) too"),
    ],
)
def test_what_is_wrong_stands_in_its_field_and_cannot_be_saved(
    client: TestClient, query: dict[str, str], field: str, told: str
):
    page = client.get("/watchlist", params=query).text

    assert re.search(rf'<input id="{field}" [^>]*aria-invalid="true" aria-describedby="{field}-wrong">', page)
    assert told in page.split(f'id="{field}-wrong">')[1].split("</span>")[0]
    assert "Save" not in page


def test_what_became_wrong_meanwhile_is_told_in_the_form(own_console: ConsoleStage, client: TestClient):
    form = form_on(client.get("/watchlist", params=MOSS).text, "/watchlist/save")
    own_console.client().post("/watchlist", json={"name": "Mossgate", "entity_id": "other"})
    answer = client.post("/watchlist/save", data=form)

    assert answer.status_code == 400
    assert "belongs to Mossgate (other) too" in answer.text.split('id="aliases-wrong">')[1]
    assert listed(own_console) == {"other": "Mossgate"}


def test_what_somebody_changed_meanwhile_is_not_overwritten(own_console: ConsoleStage, client: TestClient):
    form = form_on(client.get("/watchlist", params=MOSS).text, "/watchlist/save")
    own_console.client("operator").post("/watchlist", json={"name": "Mossgate Savings", "groups": ["theirs"]})
    answer = client.post("/watchlist/save", data=form)

    assert (answer.status_code, "a operator added it" in answer.text) == (409, True)
    assert actions(own_console, "mossgate-savings") == [("added", "a operator")]


def test_what_somebody_changed_while_it_was_being_tried_is_not_overwritten(
    own_console: ConsoleStage, client: TestClient
):
    """The form was filled before the other's change, and tried after it: what is tried knows nothing of that change."""
    save(client, **MOSS)
    opened = client.get("/watchlist", params={"entity_id": "mossgate-savings"}).text
    own_console.client("operator").put("/watchlist/mossgate-savings", json={"name": "Mossgate"})
    fields = re.findall(r'<input (?:id="\w+"|type="hidden") name="(\w+)"[^>]* value="([^"]*)"', trial_form(opened))
    tried = client.get("/watchlist", params=dict(fields) | {"groups": "mine"}).text

    assert "Somebody has changed this entry" in tried
    assert 'method="post"' not in tried.split("</main>")[0].split("<main")[1]
    form = form_on(opened, "/watchlist/withdraw") | {"name": "Mossgate Savings"}
    form["proof"] = form_on(client.get("/watchlist", params={"name": "Quill"}).text, "/watchlist/save")["proof"]
    assert client.post("/watchlist/save", data=form).status_code == 409
    assert listed(own_console) == {"mossgate-savings": "Mossgate"}
    again = client.get(html.unescape(re.search(r'<a href="(/watchlist\?[^"]*)">Begin with it', tried)[1])).text  # type: ignore[index]
    assert 'value="Mossgate"' in again


def test_what_another_did_since_is_not_taken_back(own_console: ConsoleStage, client: TestClient):
    page = save(client, **MOSS)
    own_console.client("operator").put("/watchlist/mossgate-savings", json={"name": "Mossgate"})
    answer = client.post("/watchlist/undo", data=form_on(page, "/watchlist/undo"))

    assert (answer.status_code, "there is nothing of yours to be taken back" in answer.text) == (409, True)
    assert listed(own_console) == {"mossgate-savings": "Mossgate"}


def test_a_viewer_sees_entries_and_previews_but_no_button(own_console: ConsoleStage, client: TestClient):
    page = save(client, **MOSS)
    viewer = own_console.browser("viewer")
    assert "Mossgate Savings" in viewer.get("/watchlist/entries").text
    for path in ("/watchlist?name=Acme", "/watchlist?entity_id=mossgate-savings", "/watchlist/entries?done=added"):
        assert 'method="post" action="/watchlist' not in viewer.get(path).text
    proof = form_on(page, "/watchlist/undo")["proof"]
    for action in ("save", "withdraw", "undo"):
        data = {"name": "Moss", "entity_id": "mossgate-savings", "seen": "1", "proof": proof}
        assert viewer.post(f"/watchlist/{action}", data=data).status_code == 403
    assert actions(own_console, "mossgate-savings") == [("added", "a analyst")]


@pytest.mark.parametrize("action", ["save", "withdraw", "undo"])
def test_a_form_of_another_page_changes_nothing(own_console: ConsoleStage, client: TestClient, action: str):
    save(client, **MOSS)
    data = {"name": "Moss", "entity_id": "mossgate-savings", "seen": "1"}
    proof = form_on(client.get("/watchlist", params={"name": "Quill"}).text, "/watchlist/save")["proof"]
    elsewhere = {"Origin": "https://evil.example"}

    assert client.post(f"/watchlist/{action}", data=data).status_code == 403
    assert client.post(f"/watchlist/{action}", data=data | {"proof": "0" * 64}).status_code == 403
    assert client.post(f"/watchlist/{action}", data=data | {"proof": proof}, headers=elsewhere).status_code == 403
    assert actions(own_console, "mossgate-savings") == [("added", "a analyst")]


def test_hostile_names_are_text_wherever_they_stand(client: TestClient):
    page = save(client, name=HOSTILE, entity_id='"><b>', groups=HOSTILE)
    for shown in (page, client.get("/watchlist", params={"entity_id": '"><b>'}).text):
        assert "<script>alert" not in shown
        assert '"><b>' not in shown
    assert "&lt;script&gt;alert(1)" in page


def test_entries_are_searched(client: TestClient):
    save(client, **MOSS)
    save(client, name="Quill Bank")

    found = client.get("/watchlist/entries", params={"q": "苔门"}).text
    assert ("Mossgate Savings" in found, "Quill Bank" in found) == (True, False)


def test_from_an_alert_about_an_unlisted_name_to_the_list(own_console: ConsoleStage, client: TestClient):
    alert_id = own_console.earlier(entity_of("Acme trouble"), 2, detector="unlisted_surge", status="firing")
    page = client.get(f"/alerts/{alert_id}").text
    link = re.search(r'<a href="(/watchlist\?[^"]*)">Add it to the watch list</a>', page)
    assert link
    tried = client.get(html.unescape(link[1])).text

    assert "Would have matched" in tried
    client.post("/watchlist/save", data=form_on(tried, "/watchlist/save"))
    assert listed(own_console) == {"acme-trouble": "Acme trouble"}


def test_the_pages_speak_chinese(client: TestClient):
    client.headers["Accept-Language"] = "zh-CN"
    page = save(client, "保存到关注名单", **MOSS)

    assert "mossgate-savings 已加入名单。" in page
    assert "撤回条目" in client.get("/watchlist", params={"entity_id": "mossgate-savings"}).text
