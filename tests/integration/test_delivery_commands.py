"""`yuqing webhooks …` and `yuqing subscriptions …` as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alert_stage import SECRET, wall_clock
from sqlalchemy import Engine, text, update

from alerts.delivery import endpoint_states, outbox
from alerts.delivery.receiver import WebhookReceiver
from deploy.cli import main
from deploy.embedded import StackAddresses
from storage.tables import deliveries
from stream.topics import Topics


class Note(msgspec.Struct):
    """A payload."""

    number: int


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _settings(
    receiver: WebhookReceiver,
    stack: StackAddresses,
    database: Engine,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    hook = {"name": "desk", "url": receiver.url, "secret": SECRET, "allow_private": True}
    for name, value in {
        "YUQING_KAFKA__BOOTSTRAP": stack.kafka,
        "YUQING_DATABASE__URL": database_url,
        "YUQING_REDIS__URL": redis_url,
        "YUQING_WEBHOOKS": json.dumps([hook]),
        "YUQING_CHANNELS": json.dumps([{"name": "chat", "url": f"dingtalk://{'a' * 32}", "language": "zh"}]),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def dead_one(database: Engine) -> str:
    """The id of a delivery to the desk that was given up."""
    with database.begin() as connection:
        outbox.put(
            connection, endpoints=["desk"], event_type="alert.opened", about="1", payload=Note(1), now=wall_clock()
        )
        connection.execute(update(deliveries).values(state="dead", last_error="answered 410"))
        endpoint_states.disable(connection, "desk", "answered 410: the endpoint is gone", wall_clock())
        webhook_id: str = connection.execute(text("select webhook_id from deliveries")).scalar_one()
    return webhook_id


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return parsed


def test_a_test_message_is_sent_to_a_name_and_to_a_url(
    receiver: WebhookReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["webhooks", "test", "desk"]) == 0
    assert "desk took it with 204" in capsys.readouterr().out
    Path("secret").write_text(SECRET)
    line = ["webhooks", "test", receiver.url, "--secret-file", "secret", "--json"]
    assert main([*line, "--allow-private"]) == 0
    assert said(capsys)["status"] == 204
    assert [each.type for each in receiver.received] == ["webhook.test", "webhook.test"]
    assert main(line) == 1
    assert "allow_private" in said(capsys)["error"]


def test_a_test_that_is_refused_is_told(receiver: WebhookReceiver, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong").write_text("whsec_YW5vdGhlci1zZWNyZXQtYW5vdGhlci1zZWNyZXQ=")
    assert main(["webhooks", "test", receiver.url, "--secret-file", "wrong", "--allow-private"]) == 1
    assert "did not take it: answered 401" in capsys.readouterr().out
    assert main(["webhooks", "test", "nobody"]) == 2
    assert "there are: desk, chat" in capsys.readouterr().err


def test_what_died_is_listed_enabled_and_replayed(
    dead_one: str, database: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["webhooks", "list"]) == 1
    listed = capsys.readouterr().out
    assert "disabled" in listed
    assert "answered 410: the endpoint is gone" in listed
    assert main(["webhooks", "dead", "--endpoint", "desk", "--json"]) == 1
    assert said(capsys)["dead"][0]["webhook_id"] == dead_one
    assert main(["webhooks", "enable", "desk", "--by", "li"]) == 0
    assert "`yuqing webhooks replay desk`" in capsys.readouterr().out
    assert main(["webhooks", "enable", "desk"]) == 2
    capsys.readouterr()
    assert main(["webhooks", "replay", "desk", "--json"]) == 0
    assert said(capsys)["replayed"] == 1
    assert main(["webhooks", "replay", dead_one]) == 1
    capsys.readouterr()
    assert main(["webhooks", "dead"]) == 0
    assert capsys.readouterr().out == "No dead deliveries.\n"
    assert main(["webhooks", "list", "--json"]) == 0
    desk, chat = said(capsys)["endpoints"]
    assert (desk["state"], desk["pending"], chat["kind"]) == ("well", 1, "channel")


def test_status_says_which_endpoint_is_disabled(
    dead_one: str, topics: Topics, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("YUQING_KAFKA__TOPIC_PREFIX", topics.raw.removesuffix("documents.raw"))
    main(["status", "--json"])
    assert said(capsys)["endpoints"] == {"desk": "disabled: answered 410: the endpoint is gone"}


def test_a_subscription_is_added_listed_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["subscriptions", "add", "li", "chat", "group=banks", "--min-severity", "warning", "--tier", "1"]
    assert main([*line, "--quiet", "22:00-07:00", "--zone", "Asia/Shanghai", "--breakthrough", "none", "--json"]) == 0
    added = said(capsys)
    assert (added["matchers"], added["quiet"], added["breakthrough"]) == (['group="banks"'], "22:00-07:00", None)
    assert main(["subscriptions", "list", "--analyst", "li"]) == 0
    assert "Asia/Shanghai" in capsys.readouterr().out
    assert main(["subscriptions", "remove", added["subscription_id"][:8]]) == 0
    capsys.readouterr()
    assert main(["subscriptions", "list"]) == 0
    assert "every endpoint hears of everything" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rest", "fix"),
    [
        (["nowhere"], "there are: desk, chat"),
        (["desk", "company=x"], "there are alert, entity"),
        (["desk", "--quiet", "at night"], "such as 22:00-07:00"),
        (["desk", "--quiet", "22:00-07:00", "--zone", "Peking"], "Asia/Shanghai"),
        (["desk", "--min-severity", "bad"], "watch, warning, critical"),
        (["desk", "--calendar", "XNONE"], "markets.calendars"),
    ],
)
def test_a_wrong_subscription_says_how_to_mend_it(
    rest: list[str], fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["subscriptions", "add", "li", *rest]) in (1, 2)
    assert fix in capsys.readouterr().err
