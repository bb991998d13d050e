"""What every answer and every route has to keep: types, methods, origins, errors without innards, proofs on forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from console_stage import ConsoleStage, wall_clock
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from alerts import tokens

PAGES = ["/", "/login", "/companies", "/companies/acme", "/stories?q=acme", "/system", "/logins", "/alerts/nothing"]


def routes_of(routes: Iterable[object]) -> Iterator[APIRoute]:
    """Every route, those of routers within routers, too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        inner = getattr(route, "original_router", None)
        yield from routes_of(inner.routes if inner is not None else ())


def forms(staged: ConsoleStage) -> list[str]:
    """Where the pages' forms go."""
    pages = [each for each in routes_of(staged.app().routes) if each.endpoint.__module__.startswith("alerts.console")]
    posts = [page.path for page in pages if "POST" in page.methods]
    return [path.replace("{alert_id}", str(staged.alert_id())) for path in posts]


def test_a_new_installation_has_no_account(database: Engine):
    with database.connect() as connection:
        assert tokens.stored(connection) == []


@pytest.mark.parametrize("path", PAGES)
def test_pages_say_that_they_are_html_in_utf8(console: ConsoleStage, path: str):
    assert console.browser().get(path).headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/console.js", "text/javascript; charset=utf-8"),
        ("/static/console.css", "text/css; charset=utf-8"),
        ("/api/v1/alerts", "application/json"),
        ("/api/v1/alerts/nothing", "application/problem+json"),
        ("/api/v1/openapi.json", "application/json"),
    ],
)
def test_other_answers_say_what_they_are(console: ConsoleStage, path: str, kind: str):
    client = TestClient(console.app(), headers={"Authorization": f"Bearer {console.tokens['viewer']}"})
    assert client.get(path).headers["content-type"] == kind


def test_folders_are_not_listed_and_nothing_beside_them_is_served(console: ConsoleStage):
    client = TestClient(console.app())
    for path in (
        "/static/",
        "/static",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/.git/config",
    ):
        answer = client.get(path)
        assert answer.status_code in (404, 405), path
        assert "import" not in answer.text


@pytest.mark.parametrize("path", ["/", "/api/v1/alerts", "/api/v1/openapi.json"])
def test_no_other_origin_may_read_an_answer(console: ConsoleStage, path: str):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    client = console.browser()
    for answer in (client.get(path, headers=headers), client.options(path, headers=headers)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_cookie_opens_no_route_of_the_api(console: ConsoleStage):
    assert console.browser().get("/api/v1/alerts").status_code == 401


@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "yuqing"])
def test_a_token_in_the_address_opens_nothing(console: ConsoleStage, name: str):
    client = TestClient(console.app())
    query = {name: console.tokens["operator"]}
    assert client.get("/api/v1/alerts", params=query).status_code == 401
    assert client.get("/", params=query, follow_redirects=False).status_code == 303


def test_every_form_of_the_console_needs_a_proof(console: ConsoleStage):
    client = console.browser("operator")
    paths = forms(console)
    assert f"/alerts/{console.alert_id()}/answer" in paths
    for path in paths:
        if path != "/login":
            assert client.post(path, data={"action": "resolve"}).status_code == 403, path
            assert client.get(path).status_code in (404, 405), f"{path} changes things by GET"


def test_a_failure_of_ours_tells_nothing_of_our_innards(console: ConsoleStage, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret /srv/path SELECT digest FROM api_tokens")

    monkeypatch.setattr("alerts.api.system.system_state", broken)
    monkeypatch.setattr("alerts.console.system_page.system_state", broken)
    client = TestClient(
        console.app(),
        headers={"Authorization": f"Bearer {console.tokens['viewer']}", "Origin": "http://testserver"},
        raise_server_exceptions=False,
    )
    client.post("/login", data={"token": console.tokens["viewer"]})
    for path in ("/api/v1/system", "/system"):
        answer = client.get(path)
        assert answer.status_code == 500, path
        for innards in ("secret", "/srv", "SELECT", "RuntimeError", "Traceback"):
            assert innards not in answer.text


def test_a_parameter_given_twice_or_in_another_place_changes_nothing(console: ConsoleStage):
    client = console.client("viewer")
    assert len(client.get("/alerts?limit=100&limit=1").json()["items"]) == 1
    assert client.get("/alerts", headers={"limit": "1"}).json() == client.get("/alerts").json()
    assert client.get("/alerts?role=operator").status_code == 422


SQL = [
    "' OR '1'='1",
    "'; DROP TABLE alerts; --",
    "\\'; SELECT pg_sleep(9)--",
    "1) UNION SELECT digest FROM api_tokens --",
    "%' --",
]


@pytest.mark.parametrize("hostile", SQL)
def test_what_looks_like_sql_is_a_value(console: ConsoleStage, hostile: str):
    client, browser = console.client("operator"), console.browser()
    count = len(client.get("/alerts").json()["items"])
    for path in ("/alerts", "/documents", "/companies", "/trends"):
        for name in ("q", "entity_id", "cursor", "language", "status", "topic", "source"):
            answer = client.get(path, params={name: hostile})
            assert answer.status_code in (200, 400, 404, 422), (path, name, answer.text)
            assert len(answer.json().get("items", [])) == 0 or name == "q", (path, name)
    for path in ("/", "/stories", "/companies", f"/companies/{quote(hostile, safe='')}"):
        assert browser.get(path, params={"q": hostile}).status_code in (200, 400, 404, 422), path
    matcher = {"label": "entity", "operator": "=", "value": hostile}
    ends = (wall_clock() + timedelta(hours=1)).isoformat()
    client.post("/silences", json={"matchers": [matcher], "reason": hostile, "ends_at": ends})

    assert len(client.get("/alerts").json()["items"]) == count > 0
    assert hostile in [each["reason"] for each in client.get("/silences").json()]


@pytest.mark.parametrize("path", ["/", "/companies", "/companies/acme", "/stories", "/system"])
def test_every_page_has_the_way_out(console: ConsoleStage, path: str):
    assert '<form method="post" action="/logout">' in console.browser().get(path).text


def test_the_field_for_a_token_hides_it_and_takes_what_is_pasted(console: ConsoleStage):
    (field,) = re.findall(r"<input[^>]*name=\"token\"[^>]*>", TestClient(console.app()).get("/login").text)
    assert 'type="password"' in field
    assert 'autocomplete="current-password"' in field
    assert not re.search(r"maxlength|\bon\w+=|readonly", field)


def test_the_browser_keeps_the_login_and_the_language_alone(console: ConsoleStage):
    client = console.browser()
    client.get("/language?to=zh")
    for path in PAGES:
        client.get(path)
    script = client.get("/static/console.js").text
    assert set(client.cookies) == {"yuqing", "yuqing_language"}
    assert not re.search(r"localStorage|sessionStorage|indexedDB|caches\b|serviceWorker|document\.cookie", script)


def test_fields_that_a_body_does_not_have_are_refused(own_console: ConsoleStage):
    client = own_console.client("analyst")
    answer = client.post(
        f"/alerts/{own_console.alert_id()}/acknowledge", json={"reason": "x", "actor": "somebody else"}
    )
    told = client.get(f"/alerts/{own_console.alert_id()}").json()

    assert answer.status_code == 422
    assert told["status"] != "acknowledged"
