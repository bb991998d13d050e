"""The receiver that comes with the program refuses what is no payload, however it is signed."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from alerts.delivery.receiver import WebhookReceiver

SECRET = b64encode(b"a secret of twenty-four b").decode()


@pytest.mark.parametrize(
    ("body", "status"), [('{"type": "digest.daily"}', 204), ("[1]", 401), ("{", 401), ("[" * 100_000, 401)]
)
def test_only_an_object_is_taken(body: str, status: int) -> None:
    now = datetime.now(UTC)  # a signature is good for some minutes
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, body),
    }
    receiver = WebhookReceiver(SECRET)
    try:
        assert receiver.take(headers, body.encode()).status == status
        assert (len(receiver.requests), receiver.unsigned) == ((1, 0) if status == 204 else (0, 1))
    finally:
        receiver._server.server_close()
