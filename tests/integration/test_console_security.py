"""Nobody gets in, acts or runs anything in the console who should not: sessions, forms, headers, guesses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from console_stage import ConsoleStage, on_database, wall_clock
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from alerts import tokens
from alerts.console import sessions
from alerts.console.app import console_app
from alerts.console.visit import local
from storage.tables import alert_history, console_sessions

OURS = {"Origin": "http://testserver"}


def stranger(staged: ConsoleStage) -> TestClient:
    return TestClient(staged.app(), headers=OURS)


def entries(staged: ConsoleStage) -> int:
    with staged.database.connect() as connection:
        count: int = connection.execute(select(func.count()).select_from(alert_history)).scalar_one()
        return count


def proof_on(client: TestClient, staged: ConsoleStage) -> str:
    page = client.get(f"/alerts/{staged.alert_id()}").text
    return page.split(f'action="/alerts/{staged.alert_id()}/answer"')[1].split('name="proof" value="')[1][:64]


@pytest.mark.parametrize("path", ["/", "/stories?q=a", "/companies", "/companies/acme", "/system", "/alerts/x"])
def test_who_is_not_logged_in_is_sent_to_the_login_and_back(console: ConsoleStage, path: str):
    answer = stranger(console).get(path, follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=/")


def test_the_live_stream_needs_a_login(console: ConsoleStage):
    assert stranger(console).get("/live").status_code == 401


def test_the_cookie_is_strict_unreadable_for_scripts_and_stored_as_a_hash(console: ConsoleStage):
    client = stranger(console)
    answer = client.post("/login", data={"token": console.tokens["viewer"]}, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    with console.database.connect() as connection:
        stored = list(connection.execute(select(console_sessions.c.digest)).scalars())

    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert tokens.digest(client.cookies["yuqing"]) in stored
    assert console.tokens["viewer"] not in cookie


def test_behind_tls_the_cookie_belongs_to_this_host_alone(console: ConsoleStage):
    client = TestClient(console_app(console.parts, https=True), base_url="https://testserver")
    answer = client.post(
        "/login",
        data={"token": console.tokens["viewer"]},
        headers={"Origin": "https://testserver"},
        follow_redirects=False,
    )

    assert answer.headers["set-cookie"].startswith("__Host-yuqing=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_a_session_that_somebody_planted_is_not_the_one_that_a_login_opens(own_console: ConsoleStage):
    with own_console.database.begin() as connection:
        token = tokens.find(connection, own_console.tokens["viewer"], wall_clock())
        assert token is not None
        planted = sessions.begin(connection, token, wall_clock()).secret
    client = stranger(own_console)
    client.cookies.set("yuqing", planted, domain="testserver.local")
    client.post("/login", data={"token": own_console.tokens["analyst"]})

    assert planted not in client.cookies.get("yuqing", domain="testserver.local")
    old = TestClient(own_console.app(), cookies={"yuqing": planted})
    assert old.get("/", follow_redirects=False).status_code == 303


def test_a_session_ends_with_its_token_with_time_and_when_its_owner_leaves(own_console: ConsoleStage):
    now = wall_clock()
    with own_console.database.begin() as connection:
        token = tokens.find(connection, own_console.tokens["viewer"], now)
        assert token is not None
        secret = sessions.begin(connection, token, now).secret
        assert sessions.find(connection, secret, now) is not None
        tokens.revoke(connection, token.prefix, now)
        assert sessions.find(connection, secret, now) is None
    client = own_console.browser()
    cookie = client.cookies["yuqing"]
    proof = client.get("/").text.split('action="/logout"')[1].split('name="proof" value="')[1][:64]
    client.post("/logout", data={"proof": proof})
    left = TestClient(own_console.app(), cookies={"yuqing": cookie})
    assert left.get("/", follow_redirects=False).status_code == 303


def test_a_session_ends_an_hour_after_its_last_use_and_after_twelve_hours_of_use(own_console: ConsoleStage):
    now = wall_clock()
    with own_console.database.begin() as connection:
        token = tokens.find(connection, own_console.tokens["viewer"], now)
        assert token is not None
        secret = sessions.begin(connection, token, now).secret
        assert sessions.find(connection, secret, now + timedelta(minutes=59)) is not None
        assert sessions.find(connection, secret, now + timedelta(minutes=60)) is None
        for minute in range(50, 12 * 60, 50):
            used = sessions.find(connection, secret, now + timedelta(minutes=minute))
            assert used is not None, minute
            assert sessions.renewal_due(used, now + timedelta(minutes=minute))
            sessions.renew(connection, used, now + timedelta(minutes=minute))
        assert sessions.find(connection, secret, now + timedelta(hours=12, seconds=-1)) is not None
        assert sessions.find(connection, secret, now + timedelta(hours=12)) is None


def test_a_session_is_renewed_by_use_once_a_minute_and_not_once_it_is_ended(own_console: ConsoleStage):
    client, start = own_console.browser(), wall_clock()
    with own_console.database.begin() as connection:
        old = update(console_sessions).values(expires_at=start + timedelta(minutes=5))
        connection.execute(old)
    client.get("/")
    with own_console.database.connect() as connection:
        renewed = connection.execute(select(func.max(console_sessions.c.expires_at))).scalar_one()
        session = sessions.find(connection, client.cookies["yuqing"], wall_clock())
    assert session is not None
    assert renewed >= start + sessions.IDLE
    assert not sessions.renewal_due(session, wall_clock())
    with own_console.database.begin() as connection:
        sessions.end(connection, session.secret)
        sessions.renew(connection, session, wall_clock())
        assert sessions.find(connection, session.secret, wall_clock()) is None


def test_one_sees_where_one_is_logged_in_and_ends_all_but_this(own_console: ConsoleStage):
    here, there = own_console.browser("viewer"), own_console.browser("viewer")
    colleague = own_console.browser("analyst")
    page = here.get("/logins").text
    proof = page.split('action="/logins/end"')[1].split('name="proof" value="')[1][:64]
    assert (page.count("this browser"), page.count("another browser")) == (1, 1)

    for token in ("", "yq_0_x", own_console.tokens["analyst"]):
        assert here.post("/logins/end", data={"proof": proof, "token": token}).status_code == 401
        assert there.get("/", follow_redirects=False).status_code == 200
    ended = here.post("/logins/end", data={"proof": proof, "token": own_console.tokens["viewer"]})

    assert (ended.text.count("this browser"), ended.text.count("another browser")) == (1, 0)
    assert there.get("/", follow_redirects=False).status_code == 303
    assert here.get("/").status_code == colleague.get("/").status_code == 200


def test_who_leaves_takes_what_the_browser_kept(own_console: ConsoleStage):
    client = own_console.browser()
    proof = client.get("/").text.split('action="/logout"')[1].split('name="proof" value="')[1][:64]
    left = client.post("/logout", data={"proof": proof}, follow_redirects=False)

    assert left.headers["clear-site-data"] == '"cache", "storage"'
    assert 'yuqing=""' in left.headers["set-cookie"]


@pytest.mark.parametrize("proof", ["", "0" * 64, "é"])
def test_a_form_without_its_proof_does_nothing(console: ConsoleStage, proof: str):
    before = entries(console)
    answer = console.browser().post(
        f"/alerts/{console.alert_id()}/answer", data={"action": "acknowledge", "proof": proof}
    )

    assert (answer.status_code, entries(console)) == (403, before)


def test_the_proof_of_one_form_is_none_for_another_or_for_another_session(console: ConsoleStage):
    client, before = console.browser(), entries(console)
    proof = proof_on(client, console)
    elsewhere = client.post(f"/alerts/{console.alert_id('beta')}/answer", data={"action": "resolve", "proof": proof})
    other = console.browser().post(f"/alerts/{console.alert_id()}/answer", data={"action": "resolve", "proof": proof})

    assert (elsewhere.status_code, other.status_code, entries(console)) == (403, 403, before)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_form_from_another_page_does_nothing_even_with_a_proof(console: ConsoleStage, headers: dict[str, str]):
    client, before = console.browser(), entries(console)
    answer = client.post(
        f"/alerts/{console.alert_id()}/answer",
        data={"action": "acknowledge", "proof": proof_on(client, console)},
        headers=headers,
    )

    assert (answer.status_code, entries(console)) == (403, before)
    assert client.post("/login", data={"token": console.tokens["viewer"]}, headers=headers).status_code == 403


def test_a_viewer_cannot_act_even_with_a_proof(console: ConsoleStage):
    client, before = console.browser("viewer"), entries(console)
    page = client.get("/").text
    assert "/answer" not in page
    with console.database.connect() as connection:
        session = sessions.find(connection, client.cookies["yuqing"], wall_clock())
    path = f"/alerts/{console.alert_id()}/answer"
    assert session is not None
    answer = client.post(path, data={"action": "resolve", "proof": sessions.form_proof(session, path)})

    assert (answer.status_code, entries(console)) == (403, before)


def test_guessing_tokens_at_the_login_is_stopped(console: ConsoleStage):
    client = stranger(on_database(console.database))
    statuses = [client.post("/login", data={"token": f"yq_0_{guess}"}).status_code for guess in range(12)]

    assert statuses[:10] == [401] * 10
    assert statuses[11] == 429, "one more may pass where a minute ends in between: the window slides by estimate"


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/static/console.js", "/api/v1/alerts", "/static/none"])
def test_every_answer_forbids_what_is_not_ours(console: ConsoleStage, path: str):
    headers = console.browser().get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy["default-src"] == policy["object-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_pages_are_not_kept_by_caches(console: ConsoleStage):
    assert console.browser().get("/").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/alerts/1?a=b&c=d", "/alerts/1?a=b&c=d"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/a\\b", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_links_of_ours_lead_into_the_console(path: str, kept: str):
    assert local(path) == kept


def test_a_body_without_end_is_refused_before_anybody_reads_it(console: ConsoleStage):
    answer = stranger(console).post("/login", data={"token": "x" * 200_000})
    told = console.client("operator").post("/silences", content=b"[" * 200_000)

    assert (answer.status_code, told.status_code) == (413, 413)
