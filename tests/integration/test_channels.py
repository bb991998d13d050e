"""Channels: each kind gets a message that its service takes; mail is HTML; a refusal is tried again."""

from __future__ import annotations

import email
import json
import socket
from email.policy import default
from typing import Any

import msgspec
import pytest
import requests
from aiosmtpd.controller import Controller
from alert_stage import wall_clock

from alerts.delivery.channels import SCHEMES, Channel, ChannelSender
from alerts.delivery.outbox import Claimed
from alerts.delivery.payload import DigestData, DigestPayload
from alerts.errors import UnreachableError, WrongSettingError

TOKEN = "b" * 32
KINDS = {
    "dingtalk": f"dingtalk://{TOKEN}",
    "feishu": f"feishu://{TOKEN}",
    "wecombot": f"wecombot://{TOKEN}",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "workflows": f"workflows://prod-01.westus.logic.azure.com/{TOKEN}/{TOKEN}/",
}


def claimed() -> Claimed:
    at = wall_clock()
    data = DigestData(day="2024-05-06", documents=3, negative=1, alerts=(), companies=())
    payload = DigestPayload(type="digest.daily", version=1, timestamp=at, data=data)
    body = msgspec.json.encode(payload).decode()
    return Claimed("msg_1", "desk", "digest.daily", body, 1, created_at=at, since=at, claimed_at=at)


async def send(url: str, language: Any = "en") -> None:
    sender = ChannelSender()
    try:
        await sender.post(Channel("desk", url, language), claimed())
    finally:
        sender.close()


class Wire:
    """Stands where the services are: keeps what is posted, answers as told."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, status: int = 200, body: bytes = b'{"errcode":0,"code":0}'
    ) -> None:
        self.posted: list[tuple[str, str]] = []

        def answer(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
            content = request.body or b""
            self.posted.append((str(request.url), content if isinstance(content, str) else content.decode()))
            response = requests.Response()
            response.status_code, response._content = status, body
            return response

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", answer)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_each_kind_gets_the_words(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch, body=b"ok" if kind in ("slack", "workflows") else b'{"errcode":0,"code":0}')
    await send(KINDS[kind], "zh")
    ((url, body),) = wire.posted
    assert url.startswith("https://")
    text = json.dumps(json.loads(body), ensure_ascii=False)
    assert "2024-05-06 负面新闻日报" in text
    assert "3 篇文章，1 篇负面" in text


async def test_a_channel_that_refuses_is_said_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    Wire(monkeypatch, status=500)
    with pytest.raises(UnreachableError, match="channel desk did not take it"):
        await send(KINDS["slack"])


async def test_mail_is_html_with_its_title_as_subject() -> None:
    received: list[bytes] = []

    class Box:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
            received.append(envelope.content)
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Box(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        await send(f"mailto://127.0.0.1:{port}/desk@example.org?from=yuqing@example.org&mode=insecure")
    finally:
        controller.stop()
    (content,) = received
    mail = email.message_from_bytes(content, policy=default)
    assert mail["subject"] == "Bad news of 2024-05-06"
    page = mail.get_body(("html",))
    assert page is not None
    assert "3 documents, 1 negative; alerts: 0." in page.get_content()


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("syslog://", "choose of dingtalk"),
        ("json://127.0.0.1", "choose of dingtalk"),
        ("not a url", "choose of dingtalk"),
        ("slack://", "documentation"),
    ],
)
def test_what_is_no_channel_is_refused_without_its_secret(url: str, fix: str) -> None:
    with pytest.raises(WrongSettingError, match=fix):
        Channel("desk", url)


def test_every_scheme_that_is_offered_is_one_of_apprise() -> None:
    import apprise

    known = {name for plugin in apprise.Apprise().details()["schemas"] for name in plugin["protocols"] or ()}
    known |= {name for plugin in apprise.Apprise().details()["schemas"] for name in plugin["secure_protocols"] or ()}
    assert set(SCHEMES) <= known


def test_a_channel_hears_of_what_it_wants_and_hides_its_url() -> None:
    channel = Channel("desk", KINDS["slack"], events=("alert.opened",))
    assert channel.wants("alert.opened")
    assert not channel.wants("digest.daily")
    assert "TIiajkdn" not in repr(channel)
    with pytest.raises(WrongSettingError, match=r"alert\.opened"):
        Channel("desk", KINDS["slack"], events=("alert.oepned",))
