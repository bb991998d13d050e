"""Who came in, who was refused and why stands in the log, and no secret does."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

import pytest
from console_stage import ConsoleStage, on_database, wall_clock
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from alerts import tokens

Lines = list[MutableMapping[str, Any]]


def about(logs: Lines, event: str) -> Lines:
    return [line for line in logs if line["event"] == event and line["security"]]


def test_logins_and_leaving_are_noted_with_who_and_from_where(own_console: ConsoleStage):
    with capture_logs() as logs:
        client = own_console.browser("analyst")
        proof = client.get("/").text.split('action="/logout"')[1].split('name="proof" value="')[1][:64]
        client.post("/logout", data={"proof": proof})

    prefix = own_console.tokens["analyst"].split("_")[1]
    for event in ("login", "logout"):
        (line,) = about(logs, event)
        assert (line["actor"], line["token"], line["address"]) == ("a analyst", prefix, "testclient")
        assert line["log_level"] == "info"


def test_refused_logins_tokens_scopes_and_forms_are_warnings(own_console: ConsoleStage):
    viewer = own_console.browser("viewer")
    alert = own_console.alert_id()
    with capture_logs() as logs:
        TestClient(own_console.app(), headers={"Origin": "http://testserver"}).post("/login", data={"token": "yq_0_x"})
        TestClient(own_console.app()).get("/api/v1/alerts", headers={"Authorization": "Bearer yq_0_secret"})
        own_console.client("viewer").post(f"/alerts/{alert}/acknowledge", json={})
        viewer.post(f"/alerts/{alert}/answer", data={"action": "resolve", "proof": "0" * 64})
        viewer.post("/login", data={"token": "x"}, headers={"Origin": "https://evil.example"})

    assert [len(about(logs, event)) for event in ("login_refused", "token_refused", "scope_refused")] == [1, 1, 1]
    assert [line["path"] for line in about(logs, "form_refused")] == [f"/alerts/{alert}/answer", "/login"]
    assert about(logs, "scope_refused")[0]["scopes"] == ["act"]
    assert {line["log_level"] for line in logs if str(line["event"]).endswith("_refused")} == {"warning"}


def test_who_goes_on_beyond_a_limit_is_noted_once_a_minute(console: ConsoleStage):
    client = TestClient(on_database(console.database).app())
    with capture_logs() as logs:
        for guess in range(30):
            client.get("/api/v1/system", headers={"Authorization": f"Bearer yq_0_{guess}"})

    assert len(about(logs, "token_refused")) == 10
    (line,) = about(logs, "limit_reached")
    assert (line["of"], line["who"], line["per_minute"]) == ("failure", "testclient", 10)


def test_requests_that_do_not_fit_are_noted_with_where_they_do_not_and_do_not_fill_the_log(console: ConsoleStage):
    staged = on_database(console.database)
    client = staged.client("viewer")
    with capture_logs() as logs:
        client.get("/alerts", params={"limit": "many", "colour": "red"})
        staged.browser("viewer").get("/alerts/no-id-at-all")
        for _ in range(40):
            client.get("/alerts", params={"limit": "many"})

    lines = about(logs, "request_invalid")
    assert set(lines[0]["where"]) == {"query/limit", "query/colour"}
    assert (lines[0]["path"], lines[0]["address"]) == ("/api/v1/alerts", "testclient")
    assert "many" not in repr(lines), "what was given may be a secret in the wrong place"
    assert len(lines) == 20


def test_the_use_of_a_token_is_noted_once_a_minute(own_console: ConsoleStage):
    client = own_console.client("viewer")
    with capture_logs() as logs:
        client.get("/alerts")
        client.get("/alerts")

    (line,) = about(logs, "token_used")
    assert line["actor"] == "a viewer"


def test_making_and_revoking_a_token_is_noted(own_console: ConsoleStage):
    with capture_logs() as logs, own_console.database.begin() as connection:
        made, shown = tokens.create(connection, "ada", "viewer", now=wall_clock(), lasts=timedelta(days=1))
        tokens.revoke(connection, made.prefix, wall_clock())

    assert [line["event"] for line in logs] == ["token_created", "token_revoked"]
    assert {(line["actor"], line["token"]) for line in logs} == {("ada", made.prefix)}
    assert shown.split("_", 2)[2] not in repr(logs)


@pytest.mark.parametrize("where", ["login", "api"])
def test_no_secret_is_written_down(own_console: ConsoleStage, where: str):
    secret = own_console.tokens["analyst"].split("_", 2)[2]
    with capture_logs() as logs:
        if where == "login":
            client = own_console.browser("analyst")
            client.get("/")
            secrets = (secret, client.cookies["yuqing"])
        else:
            own_console.client("analyst").get("/alerts")
            secrets = (secret,)

    assert logs
    assert not [each for each in secrets if each in repr(logs)]
