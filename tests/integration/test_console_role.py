"""The console role answers over HTTP where its settings say, to tokens that the command line made."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import httpx
import pytest
from console_stage import wall_clock

from deploy.cli import main
from deploy.console_parts import console_parts, listen
from deploy.errors import RoleError
from deploy.sections import Console
from deploy.services import Services
from deploy.settings import Settings, load_settings
from deploy.threads import run_together


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        chosen: int = free.getsockname()[1]
        return chosen


@pytest.fixture
def settings(database_url: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": "127.0.0.1:9",
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": "redis://127.0.0.1:9",
        "YUQING_CONSOLE__PORT": str(port),
    }.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def told(words: str, capsys: pytest.CaptureFixture[str]) -> dict:
    assert main([*words.split(), "--json"]) == 0
    answer: dict = json.loads(capsys.readouterr().out)
    return answer


def test_a_token_of_the_command_line_opens_the_api_until_it_is_revoked(
    settings: Settings, port: int, capsys: pytest.CaptureFixture[str]
):
    services = Services("127.0.0.1:9", settings.database.url.get_secret_value(), "redis://127.0.0.1:9")
    made = told("tokens create ada --role viewer --days 1", capsys)
    stop = threading.Event()
    with console_parts(settings, services, wall_clock) as parts:
        running = threading.Thread(target=run_together, args=(parts, stop))
        running.start()
        try:
            client = httpx.Client(
                base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Authorization": f"Bearer {made['token']}"}
            )
            listed = client.get("/alerts")
            with client.stream("GET", "/live") as live:
                first = next(live.iter_lines())
            told(f"tokens revoke {made['prefix']}", capsys)
            refused = client.get("/alerts")
        finally:
            stop.set()
            running.join()

    assert (listed.status_code, listed.json()) == (200, {"items": [], "next": None})
    assert (live.headers["content-type"].split(";")[0], first) == ("text/event-stream", ": listening")
    assert refused.status_code == 401
    (shown,) = told("tokens list", capsys)["tokens"]
    assert (shown["prefix"], shown["state"], shown["name"]) == (made["prefix"], "revoked", "ada")
    assert "token" not in shown


def test_a_proxy_that_the_settings_name_is_believed_about_who_asks(
    settings: Settings, port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("YUQING_CONSOLE__PROXIES", '["127.0.0.1"]')
    services = Services("127.0.0.1:9", settings.database.url.get_secret_value(), "redis://127.0.0.1:9")
    stop = threading.Event()
    with console_parts(load_settings(), services, wall_clock) as parts:
        running = threading.Thread(target=run_together, args=(parts, stop))
        running.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1") as client:
                wrong = {"Authorization": "Bearer yq_0_x"}
                for guess, visitor in enumerate(["203.0.113.5"] * 11 + ["203.0.113.6"]):
                    answer = client.get("/alerts", headers=wrong | {"X-Forwarded-For": visitor})
                    assert answer.status_code == (429 if guess == 10 else 401)
        finally:
            stop.set()
            running.join()


def test_tokens_are_told_in_words_too(settings: Settings, capsys: pytest.CaptureFixture[str]):
    assert main(["tokens", "list"]) == 0
    assert main(["tokens", "create", "ada", "--days", "400"]) == 1
    said = capsys.readouterr()

    assert "No tokens." in said.out
    assert "at most 366 days" in said.err


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(RoleError, match=r"another port in \[console\]"),
    ):
        listen(Console(port=taken.getsockname()[1]))
