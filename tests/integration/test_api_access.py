"""Tokens open the API, and nothing else does: roles, scopes, expiry, revocation, limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from console_stage import ConsoleStage, on_database, wall_clock
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from alerts import tokens
from alerts.errors import TokenError
from storage.tables import api_tokens


def bare(staged: ConsoleStage) -> TestClient:
    return TestClient(staged.app(), base_url="http://testserver/api/v1")


def test_only_the_hash_of_a_token_is_stored(console: ConsoleStage):
    shown = console.tokens["viewer"]
    with console.database.connect() as connection:
        row = connection.execute(select(api_tokens).where(api_tokens.c.prefix == shown.split("_")[1])).one()

    secret = shown.split("_", 2)[2]
    assert len(secret) >= 43  # 256 bits in base64
    assert secret not in repr(tuple(row))
    assert len(row.digest) == 32


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Bearer yq_0_x", "Basic eDp5", "Bearer \xff"])
def test_nothing_but_a_token_opens_it(console: ConsoleStage, header: str):
    answer = bare(console).get("/alerts", headers={"Authorization": header.encode("latin-1")} if header else {})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_route_asks_for_a_token(console: ConsoleStage):
    app = console.app()
    client = TestClient(app)
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            url = path.replace("{alert_id}", str(console.alert_id())).replace("{", "").replace("}", "")
            assert client.request(method, url, json={}).status_code in (401, 422), (method, path)


def test_a_wrong_secret_behind_a_known_prefix_opens_nothing(own_console: ConsoleStage):
    mark, prefix, secret = own_console.tokens["viewer"].split("_", 2)
    wrong = f"{mark}_{prefix}_{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}"

    assert bare(own_console).get("/alerts", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401


def test_expired_and_revoked_tokens_open_nothing(own_console: ConsoleStage):
    brief, ended = own_console.token("viewer", lasts=timedelta(seconds=1)), own_console.token("viewer")
    with own_console.database.begin() as connection:
        assert tokens.find(connection, brief, wall_clock() + timedelta(seconds=2)) is None
        tokens.revoke(connection, ended.split("_")[1], wall_clock())
        with pytest.raises(TokenError, match="tokens list"):
            tokens.revoke(connection, ended.split("_")[1], wall_clock())

    assert bare(own_console).get("/alerts", headers={"Authorization": f"Bearer {ended}"}).status_code == 401


def test_the_last_use_is_noted_once_a_minute(own_console: ConsoleStage):
    client = own_console.client("viewer")
    prefix = own_console.tokens["viewer"].split("_")[1]
    last_use = select(api_tokens.c.last_used_at).where(api_tokens.c.prefix == prefix)
    client.get("/alerts")
    with own_console.database.connect() as connection:
        first = connection.execute(last_use).scalar_one()
    client.get("/alerts")
    with own_console.database.connect() as connection:
        second = connection.execute(last_use).scalar_one()

    assert first is not None
    assert second == first


def test_a_viewer_reads_and_an_analyst_acts_and_an_operator_configures(own_console: ConsoleStage):
    act = f"/alerts/{own_console.alert_id()}/acknowledge"
    silence = {
        "matchers": [{"label": "entity", "operator": "=", "value": "acme"}],
        "reason": "planned",
        "ends_at": (wall_clock() + timedelta(hours=1)).isoformat(),
    }

    assert own_console.client("viewer").post(act, json={}).status_code == 403
    assert own_console.client("analyst").post(act, json={}).status_code == 200
    assert own_console.client("analyst").post("/silences", json=silence).status_code == 403
    assert own_console.client("operator").post("/silences", json=silence).status_code == 201


def test_scopes_narrow_a_role(own_console: ConsoleStage):
    narrow = own_console.token("operator", scopes=["act"])
    client = TestClient(own_console.app(), headers={"Authorization": f"Bearer {narrow}"})

    assert client.get("/api/v1/alerts").status_code == 403
    assert "lacks the scope read" in client.get("/api/v1/alerts").json()["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "a\nb"},
        {"lasts": timedelta(0)},
        {"lasts": timedelta(days=400)},
        {"scopes": ["act"]},
        {"scopes": []},
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(console: ConsoleStage, wrong: dict):
    given = {"name": "ada", "role": "viewer", "now": wall_clock(), "lasts": timedelta(days=1)} | wrong
    with console.database.connect() as connection, pytest.raises(TokenError):
        tokens.create(connection, **given)


def test_who_asks_too_often_is_told_when_to_come_back(console: ConsoleStage):
    client = on_database(console.database, per_minute=3).client("viewer")
    statuses = [client.get("/system").status_code for _ in range(4)]
    refused = client.get("/system")

    assert statuses == [200, 200, 200, 429]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["content-type"] == "application/problem+json"


def test_who_guesses_tokens_is_locked_out_even_with_a_right_one(console: ConsoleStage):
    staged = on_database(console.database)
    client = bare(staged)
    statuses = [
        client.get("/system", headers={"Authorization": f"Bearer yq_0_{guess}"}).status_code for guess in range(11)
    ]

    assert statuses == [401] * 10 + [429]
    assert staged.client("viewer").get("/system").status_code in (200, 429)


def test_the_reading_connections_cannot_write(console: ConsoleStage):
    with console.parts.reader.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.execute(text("DELETE FROM alerts"))


def test_a_query_that_takes_too_long_is_ended_and_told(console: ConsoleStage, monkeypatch: pytest.MonkeyPatch):
    def slow(connection, *_: object, **__: object):
        connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
        connection.execute(text("SELECT pg_sleep(5)"))

    monkeypatch.setattr("alerts.api.system.system_state", slow)
    answer = console.client("viewer").get("/system")

    assert answer.status_code == 503
    assert answer.json()["title"] == "The query took too long"
