"""Webhooks: addresses that operators write, answers of endpoints, and requests as a receiver gets them."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook
from target import ARRIVED, Target, headers_of, parted, promise, text_of

from alerts.delivery.endpoints import Endpoint
from alerts.delivery.receiver import WebhookReceiver
from alerts.delivery.retries import retry_after
from alerts.detection.evidence import web_address
from alerts.errors import WrongSettingError

__all__ = ["WEBHOOKS"]

_SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def _endpoint(data: bytes) -> None:
    url, secret, events = parted(data, 3)
    wanted = tuple(text_of(events).split(",")) if events else ()
    Endpoint("desk", text_of(url), text_of(secret) or _SECRET, events=wanted)
    web_address(text_of(url))


def _webhook_answer(data: bytes) -> None:
    wait = retry_after(text_of(data), ARRIVED)
    promise(wait is None or timedelta(0) <= wait <= timedelta(days=1), "at most a day")


def _received(data: bytes) -> None:
    """Signed rightly or not, a request is answered."""
    body, headers = parted(data, 2)
    given = {name.lower(): text_of(value) for name, value in headers_of(headers)} or _signed(body)
    promise(_receiver().take(given, body).status in (204, 401), "taken, or refused")


def _signed(body: bytes) -> dict[str, str]:
    now = datetime.now(UTC)  # a signature is good for five minutes
    try:
        signature = Webhook(_SECRET).sign("msg_1", now, body.decode())
    except UnicodeDecodeError:
        signature = "v1,none"
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def _receiver() -> WebhookReceiver:
    receiver = WebhookReceiver.__new__(WebhookReceiver)  # take() needs no socket
    receiver._webhook = Webhook(_SECRET)
    receiver._script, receiver._on_taken = deque(), None
    receiver._changed = threading.Condition()
    receiver._requests, receiver.unsigned = [], 0
    return receiver


_BODY = b'{"type":"alert.opened","version":1}'
_HEADERS = b"\x1e\x1ewebhook-id: msg_1\nwebhook-timestamp: 1772452680\nwebhook-signature: v1,AAAA"
_URLS = (
    b"https://desk.example/hook",
    b"http://user@[::ffff:127.0.0.1]:8080/a",
    b"https://desk.example\x1e\x1ewhsec_AAAA",
)

WEBHOOKS = (
    Target("endpoints", _endpoint, _URLS, (b"whsec_", b"alert.opened", b"\x1e\x1e"), (WrongSettingError,)),
    Target("webhook_answers", _webhook_answer, (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT"), (b"GMT",)),
    Target("webhook_requests", _received, (_BODY, _BODY + _HEADERS), (b"v1,", b"webhook-id: ")),
)
