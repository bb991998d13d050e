"""One attempt against real sockets: signed, bounded in time, and never more trusting than it must be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from test_payload_schema import alert_payload

from alerts.delivery.endpoints import Endpoint
from alerts.delivery.outbox import Claimed
from alerts.delivery.receiver import Answer, Received, WebhookReceiver
from alerts.delivery.sending import Sender
from alerts.errors import ForbiddenAddressError, RefusedError, UnreachableError, WrongSettingError

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
BODY = '{"text":"某公司违约","type":"alert.opened"}'


def now() -> datetime:
    return datetime.now(UTC)


def claimed(webhook_id: str = "msg_1") -> Claimed:
    at = now()
    return Claimed(webhook_id, "desk", "alert.opened", BODY, 1, created_at=at, since=at, claimed_at=at)


def desk(url: str, *, allow_private: bool = True, secret: str = SECRET) -> Endpoint:
    return Endpoint("desk", url, secret, allow_private=allow_private)


async def post(endpoint: Endpoint, timeout_s: float = 5.0) -> int:
    async with Sender(timeout=timedelta(seconds=timeout_s)) as sender:
        return await sender.post(endpoint, claimed(), now())


@contextmanager
def rude_server(reply: bytes) -> Iterator[str]:
    """Answers every connection with these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        closing = threading.Event()

        def serve() -> None:
            while not closing.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(2)
                    connection.recv(65536)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        closing.set()
        thread.join()


async def test_a_signed_request_arrives_as_it_was_written() -> None:
    with WebhookReceiver(SECRET) as receiver:
        assert await post(desk(receiver.url)) == 204
    (received,) = receiver.received
    assert received == Received("msg_1", {"text": "某公司违约", "type": "alert.opened"}, 204)
    assert received.type == "alert.opened"


async def test_another_secret_is_not_believed() -> None:
    with WebhookReceiver(SECRET) as receiver:
        with pytest.raises(RefusedError, match="401"):
            await post(desk(receiver.url, secret="whsec_YW5vdGhlci1zZWNyZXQtYW5vdGhlci1zZWNyZXQ="))
        assert (receiver.unsigned, receiver.requests) == (1, [])


async def test_a_refusal_carries_status_and_wish() -> None:
    with WebhookReceiver(SECRET, script=(Answer(503, (("retry-after", "90"),)),)) as receiver:
        with pytest.raises(RefusedError) as caught:
            await post(desk(receiver.url))
        assert (caught.value.status, caught.value.retry_after) == (503, timedelta(seconds=90))
        assert receiver.received == []
        assert len(receiver.requests) == 1


async def test_a_redirect_is_not_followed() -> None:
    with (
        WebhookReceiver(SECRET) as elsewhere,
        WebhookReceiver(SECRET, script=(Answer(307, (("location", elsewhere.url),)),)) as receiver,
    ):
        with pytest.raises(RefusedError, match="307"):
            await post(desk(receiver.url))
        assert elsewhere.requests == []


async def test_an_endpoint_that_hangs_is_left_after_the_timeout() -> None:
    with WebhookReceiver(SECRET, script=(Answer(hang=True),)) as receiver:
        with pytest.raises(UnreachableError):
            await post(desk(receiver.url), timeout_s=0.3)
        assert receiver.received == []


@pytest.mark.parametrize("reply", [b"", b"what?\r\n\r\n", b"HTTP/1.1 2"])
async def test_an_answer_that_cannot_be_read_is_no_answer(reply: bytes) -> None:
    with rude_server(reply) as url, pytest.raises(UnreachableError):
        await post(desk(url))


async def test_a_lie_about_the_length_of_the_answer_does_not_matter() -> None:
    with rude_server(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nshort") as url:
        assert await post(desk(url)) == 200


async def test_nobody_at_home_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachableError):
        await post(desk(f"http://127.0.0.1:{port}/"))


async def test_a_private_address_is_not_called_unless_allowed() -> None:
    with WebhookReceiver(SECRET) as receiver:
        with pytest.raises(ForbiddenAddressError):
            await post(desk(receiver.url, allow_private=False))
        assert (receiver.unsigned, receiver.requests) == (0, [])


def test_the_receiver_keeps_each_webhook_once_and_every_request() -> None:
    heard: list[str] = []
    with WebhookReceiver(SECRET, script=(500,), on_taken=lambda each: heard.append(each.webhook_id)) as receiver:
        for _ in range(3):
            webhook = receiver_request(receiver, "msg_7")
        assert webhook == 204
        assert receiver.wait_for(1, timeout=1)[0].webhook_id == "msg_7"
        assert [each.status for each in receiver.requests] == [500, 204, 204]
        with pytest.raises(TimeoutError, match="1 of 2"):
            receiver.wait_for(2, timeout=0.01)
    assert heard == ["msg_7", "msg_7"]


def test_the_receiver_refuses_what_is_too_long_or_not_json() -> None:
    with WebhookReceiver(SECRET) as receiver:
        assert receiver_request(receiver, "msg_1", body="not json") == 401
        assert httpx.post(receiver.url, content=b"x" * (2 << 20)).status_code == 413
        assert receiver.unsigned == 1


def receiver_request(receiver: WebhookReceiver, webhook_id: str, body: str = "{}") -> int:
    from standardwebhooks import Webhook

    at = now()
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(webhook_id, at, body),
    }
    return httpx.post(receiver.url, content=body, headers=headers).status_code


async def test_while_a_secret_is_changed_both_are_believed() -> None:
    new = "whsec_YW5vdGhlci1zZWNyZXQtYW5vdGhlci1zZWNyZXQ="
    with WebhookReceiver(SECRET) as before, WebhookReceiver(new) as after:
        for receiver in (before, after):
            rotating = Endpoint("desk", receiver.url, new, allow_private=True, old_secret=SECRET)
            assert await post(rotating) == 204
        with pytest.raises(RefusedError, match="401"):
            await post(desk(before.url, secret=new))


def test_an_old_secret_that_cannot_sign_is_refused() -> None:
    with pytest.raises(WrongSettingError, match="old_secret of webhook desk"):
        Endpoint("desk", "https://example.org/", SECRET, old_secret="whsec_not!base64")


async def test_alertmanagers_form_is_signed_as_it_is_sent() -> None:
    with WebhookReceiver(SECRET) as receiver:
        endpoint = Endpoint("desk", receiver.url, SECRET, allow_private=True, form="alertmanager")
        assert not endpoint.wants("digest.daily")
        async with Sender(timeout=timedelta(seconds=5)) as sender:
            at = now()
            body = msgspec.json.encode(alert_payload()).decode()
            sent = Claimed("msg_2", "desk", "alert.opened", body, 1, created_at=at, since=at, claimed_at=at)
            assert await sender.post(endpoint, sent, at) == 204
    assert receiver.received[0].payload["version"] == "4"
