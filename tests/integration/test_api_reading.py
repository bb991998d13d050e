"""The API shows alerts, evidence, trends, documents and companies: page by page, as of a moment, and unchanged once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from alert_stage import NOON
from console_stage import HOSTILE, TELLING, ConsoleStage
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY


@pytest.fixture
def client(console: ConsoleStage) -> TestClient:
    return console.client("viewer")


def test_alerts_are_listed_newest_first_and_page_by_page(client: TestClient):
    whole = client.get("/alerts").json()
    first = client.get("/alerts?limit=1").json()
    second = client.get("/alerts", params={"limit": 1, "cursor": first["next"]}).json()

    assert [alert["entity_id"] for alert in whole["items"]] == ["beta", "acme"]
    assert first["items"] + second["items"] == whole["items"]
    assert (whole["next"], second["next"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "entities"),
    [
        ("entity_id=acme", ["acme"]),
        ("q=Beta", ["beta"]),
        ("q=%25", []),
        ("active=false", []),
        ("active=true&detector=negative_surge", ["beta", "acme"]),
        ("status=firing&severity=critical", []),
        (f"until={(NOON + timedelta(minutes=20)):%Y-%m-%dT%H:%M:%SZ}", ["acme"]),
    ],
)
def test_alerts_are_filtered(client: TestClient, query: str, entities: list[str]):
    assert [alert["entity_id"] for alert in client.get(f"/alerts?{query}").json()["items"]] == entities


def test_an_alert_has_its_evidence_history_and_deliveries(client: TestClient, console: ConsoleStage):
    alert_id = console.alert_id()
    alert = client.get(f"/alerts/{alert_id}").json()
    evidence = client.get(f"/alerts/{alert_id}/evidence").json()
    history = client.get(f"/alerts/{alert_id}/history").json()
    deliveries = client.get(f"/alerts/{alert_id}/deliveries").json()

    assert (alert["name"], alert["status"], alert["observed"]) == ("Acme Ltd", "firing", 6)
    assert any(document["title"].startswith("Acme trouble") for document in evidence["documents"])
    assert history[0]["to_status"] == "firing"
    assert {each["endpoint"] for each in deliveries} == {"desk"}


def test_the_first_document_of_the_evidence_has_the_words_that_made_it_negative(
    client: TestClient, console: ConsoleStage
):
    first, *others = client.get(f"/alerts/{console.alert_id()}/evidence").json()["documents"]
    text = {"title": HOSTILE, "body": TELLING}

    assert first["explained_by"] != ""
    assert first["words"]
    for word in first["words"]:
        assert text[word["place"]][word["start"] : word["end"]] == word["text"]
        assert word["weight"] > 0
    assert all((other["words"], other["explained_by"]) == ([], "") for other in others)


def test_the_evidence_has_no_address_that_a_browser_would_run(client: TestClient, console: ConsoleStage):
    evidence = client.get(f"/alerts/{console.alert_id('beta')}/evidence").json()

    assert {document["url"] for document in evidence["documents"]} == {""}
    assert evidence["documents"][0]["title"].startswith(HOSTILE)


@pytest.mark.parametrize("path", ["", "/evidence", "/history", "/deliveries"])
def test_an_alert_that_is_not_there_is_a_problem(client: TestClient, path: str):
    answer = client.get(f"/alerts/{uuid4()}{path}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "No such alert"


def test_a_trend_is_as_it_is_now_or_as_it_was_known(client: TestClient):
    span = {"entity_id": "acme", "step": "1h", "since": NOON.isoformat(), "until": "2024-05-06T13:00:00Z"}
    now = client.get("/trends", params=span).json()["items"]
    before = client.get("/trends", params=span | {"as_of": "2020-01-01T00:00:00Z"}).json()["items"]

    assert [(point["documents"], point["negative"], point["negative_stories"]) for point in now] == [(8, 7, 6)]
    assert before == []


def test_a_trend_without_bounds_ends_with_the_newest_minute(client: TestClient):
    points = client.get("/trends", params={"step": "5m"}).json()["items"]

    assert points[-1]["bucket"] == "2024-05-06T13:00:00Z"


def test_documents_are_found_by_words_in_english_and_chinese(client: TestClient):
    english = client.get("/documents", params={"q": "misses payment", "novelty": "reprint"}).json()["items"]
    chinese = client.get("/documents", params={"q": "降息"}).json()["items"]

    assert [each["title"] for each in english] == ["Acme misses a payment"]
    assert [each["title"] for each in chinese] == ["央行宣布降息"]


def test_a_document_is_read_whole(client: TestClient):
    found = client.get("/documents", params={"q": "降息"}).json()["items"][0]

    assert client.get(f"/documents/{found['document_id']}").json()["title"] == "央行宣布降息"
    assert client.get(f"/documents/{uuid4()}").status_code == 404


def test_stories_fold_reprints_away(client: TestClient):
    stories = client.get("/stories", params={"entity_id": "acme", "limit": 3}).json()

    assert all(story["first"]["novelty"] == "new" for story in stories["items"])
    assert stories["next"] is not None


def test_companies_are_listed_and_shown(client: TestClient):
    listed = client.get("/entities", params={"limit": 1}).json()
    rest = client.get("/entities", params={"cursor": listed["next"]}).json()
    acme = client.get("/entities/acme").json()

    assert [each["entity_id"] for each in listed["items"] + rest["items"]] == ["acme", "beta"]
    assert acme["company"]["active_alerts"] == 1
    assert acme["day"]["negative_stories"] == 6
    assert client.get("/entities/nobody").status_code == 404
    assert client.get("/entities/acme/peers").json() == []
    assert client.get("/entities?group=banks").json()["items"][0]["entity_id"] == "beta"


def test_a_company_is_compared_with_the_others_of_a_group(client: TestClient):
    beside = client.get("/entities/acme/comparison").json()
    last = beside["points"][-1]

    assert (beside["group"], beside["members"], len(beside["points"])) == ("lenders", 1, 28)
    assert beside["until"] == "2024-05-06T13:01:00Z"
    assert (last["company"]["documents"], last["company"]["negative_share"]) == (8, 7 / 8)
    assert (last["others"]["documents"], last["others"]["negative_share"]) == (6, 1)
    assert last["others"]["mean_score"] == pytest.approx(-0.9)
    assert beside["points"][0]["company"] == {"documents": 0, "negative_share": None, "mean_score": None}
    assert beside["company"] == last["company"]


@pytest.mark.parametrize(("path", "status"), [("beta/comparison?group=banks", 404), ("nobody/comparison", 404)])
def test_nobody_is_compared_with_nobody(client: TestClient, path: str, status: int):
    assert client.get(f"/entities/{path}").status_code == status


def test_the_system_tells_how_far_it_is(client: TestClient):
    state = client.get("/system").json()["state"]

    assert state["newest_event"] == "2024-05-06T13:00:00Z"
    assert list(state["models"]) == ["test"]
    assert state["documents"] == client.get("/system").json()["state"]["documents"] > 200
    assert state["waiting_search"] == 0


def test_what_a_client_has_already_is_not_sent_again(client: TestClient):
    first = client.get("/alerts")
    again = client.get("/alerts", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/alerts?limit=1", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_requests_are_counted_by_route_and_status_never_by_what_was_asked(console: ConsoleStage):
    def count(route: str, status: str) -> float:
        labels = {"method": "GET", "route": route, "status": status}
        return REGISTRY.get_sample_value("yuqing_http_requests_total", labels) or 0.0

    client, route = console.client("viewer"), "/api/v1/alerts/{alert_id}"
    before = count(route, "200"), count(route, "404"), count("none", "404")
    client.get(f"/alerts/{console.alert_id()}")
    client.get(f"/alerts/{uuid4()}")
    client.get("/something/else")

    assert (count(route, "200"), count(route, "404"), count("none", "404")) == tuple(each + 1 for each in before)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("/alerts?limit=0", 422),
        ("/alerts?limit=%201", 422),
        ("/alerts?colour=red", 422),
        ("/alerts?cursor=abc", 400),
        ("/alerts?since=yesterday", 422),
        ("/alerts?since=1714996800", 422),
        ("/alerts?since=2024-05-06T12:00:00", 422),
        ("/trends?as_of=2024-05-06T12:00:00Z&step=1d", 400),
        ("/alerts/1", 422),
        ("/nothing", 404),
    ],
)
def test_what_makes_no_sense_is_a_problem_with_a_title(client: TestClient, query: str, status: int):
    answer = client.get(query)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]
