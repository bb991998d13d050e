"""`/watchlist` of the API: who may edit entries, what is refused, and how nobody overwrites what they have not seen."""

from __future__ import annotations

from typing import Any

import pytest
from console_stage import ConsoleStage
from fastapi.testclient import TestClient

MOSS = {"name": "Mossgate Savings", "aliases": ["Mossgate"], "groups": ["banks"]}


@pytest.fixture
def client(own_console: ConsoleStage) -> TestClient:
    return own_console.client()


def added(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/watchlist", json=MOSS | fields)
    assert answer.status_code == 201, answer.text
    entry: dict[str, Any] = answer.json()
    return entry | {"etag": answer.headers["etag"]}


def test_an_entry_is_added_read_changed_and_withdrawn(client: TestClient):
    made = added(client)
    seen = client.get("/watchlist/mossgate-savings")
    changed = client.put("/watchlist/mossgate-savings", json={"name": "Mossgate"}, headers={"If-Match": '"1"'})
    gone = client.delete("/watchlist/mossgate-savings", headers={"If-Match": changed.headers["etag"]})

    assert (made["entity_id"], made["version"], made["etag"]) == ("mossgate-savings", 1, '"1"')
    assert (made["changed_by"], made["aliases"]) == ("a analyst", ["Mossgate"])
    assert (seen.json()["name"], seen.headers["etag"]) == ("Mossgate Savings", '"1"')
    assert (changed.json()["aliases"], changed.headers["etag"]) == ([], '"2"')
    assert (gone.status_code, client.get("/watchlist/mossgate-savings").status_code) == (200, 404)
    assert client.get("/watchlist").json() == {"items": [], "next": None, "version": 3}
    actions = [(one["action"], one["name"]) for one in client.get("/watchlist/mossgate-savings/history").json()]
    assert actions == [("withdrawn", "Mossgate"), ("changed", "Mossgate"), ("added", "Mossgate Savings")]


def test_the_list_is_searched_and_comes_in_pages(client: TestClient):
    for number in range(3):
        added(client, name=f"Moss {number}", entity_id=f"m{number}", aliases=[], tickers=[f"MO{number}"])
    first = client.get("/watchlist", params={"limit": 2}).json()
    second = client.get("/watchlist", params={"limit": 2, "cursor": first["next"]}).json()

    assert [one["entity_id"] for page in (first, second) for one in page["items"]] == ["m0", "m1", "m2"]
    assert second["next"] is None
    assert [one["name"] for one in client.get("/watchlist", params={"q": "mo1"}).json()["items"]] == ["Moss 1"]


def test_what_has_not_changed_is_not_sent_again(client: TestClient):
    added(client)
    for path in ("/watchlist", "/watchlist/mossgate-savings", "/watchlist/mossgate-savings/history"):
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        client.put("/watchlist/mossgate-savings", json=MOSS)
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_who_has_seen_an_older_version_overwrites_nothing(client: TestClient):
    added(client)
    client.put("/watchlist/mossgate-savings", json=MOSS | {"groups": []})
    put = client.put("/watchlist/mossgate-savings", json=MOSS, headers={"If-Match": '"1"'})
    delete = client.delete("/watchlist/mossgate-savings", headers={"If-Match": '"1"'})

    for answer in (put, delete):
        assert (answer.status_code, answer.headers["content-type"]) == (412, "application/problem+json")
        assert "a analyst changed it" in answer.json()["detail"]
    assert client.get("/watchlist/mossgate-savings").json()["groups"] == []


def test_an_id_that_has_an_entry_is_no_new_one(client: TestClient):
    added(client)
    answer = client.post("/watchlist", json=MOSS)

    assert (answer.status_code, answer.json()["title"]) == (409, "This cannot be done")
    assert answer.json()["detail"].startswith("there is an entry 'mossgate-savings': a analyst added it")


@pytest.mark.parametrize(
    ("entry", "where", "told"),
    [
        ({"name": "Moss", "aliases": ["M"]}, "body/aliases", "'M' is a single character"),
        ({"name": "Moss", "entity_id": "a b"}, "body/entity_id", "give a short id without spaces"),
        ({"name": "Moss", "aliases": ["Acme Ltd"]}, "body/aliases", "'Acme Ltd' belongs to Acme Ltd (acme) too"),
    ],
)
def test_what_cannot_stand_on_the_list_is_a_problem_that_names_the_field(
    client: TestClient, entry: dict[str, Any], where: str, told: str
):
    answer = client.post("/watchlist", json=entry)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    (fault,) = answer.json()["errors"]
    assert (fault["where"], told in fault["problem"]) == (where, True)
    assert client.get("/watchlist").json()["version"] == 0


def test_an_entry_takes_the_place_of_a_files_row_or_takes_it_off_the_list(client: TestClient):
    added(client, entity_id="acme", name="Acme Limited", aliases=[])
    assert client.put("/watchlist/acme", json={"name": "Acme Ltd", "remove": True}).json()["remove"] is True
    assert client.post("/watchlist", json=MOSS | {"aliases": ["Acme Ltd"]}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/watchlist"), ("PUT", "/watchlist/x"), ("DELETE", "/watchlist/x")]
)
def test_a_viewer_sees_entries_and_edits_none(own_console: ConsoleStage, method: str, path: str):
    viewer = own_console.client("viewer")
    refused = viewer.request(method, path, json=MOSS if method != "DELETE" else None)

    assert (refused.status_code, refused.json()["detail"]) == (403, "This token lacks the scope act.")
    assert viewer.get("/watchlist").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/watchlist/x"), ("GET", "/watchlist/x/history"), ("DELETE", "/watchlist/x")]
)
def test_an_entry_that_is_not_there_is_not_found(client: TestClient, method: str, path: str):
    assert client.request(method, path).status_code == 404
    assert client.put("/watchlist/x", json=MOSS).status_code == 404


def test_what_was_saved_stands_beside_what_is_tried_next(client: TestClient):
    added(client, name="Acme trouble", aliases=[])
    found = client.post("/watchlist/preview", json={"name": "Moss", "aliases": ["Acme trouble"]}).json()

    assert {"kind": "refused", "form": "Acme trouble", "about": "Acme trouble (acme-trouble)"} in found["cautions"]
