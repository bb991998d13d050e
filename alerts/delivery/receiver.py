"""A webhook endpoint for tests, demonstrations and trying things out: a real HTTP server that checks signatures."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["Answer", "Received", "WebhookReceiver"]

_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Received:
    """One request that was signed rightly: how it was answered, and what it said."""

    webhook_id: str
    payload: dict[str, Any]
    status: int

    @property
    def type(self) -> str:
        return str(self.payload.get("type", ""))


@dataclass(frozen=True)
class Answer:
    """How to answer one request. With `hang` nothing is answered until the receiver closes."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    hang: bool = False


class WebhookReceiver:
    """Listens on 127.0.0.1 while it is open (a context manager); port 0 means any free one.

    `script` holds answers for the next requests, such as `[500, 500]`; after them every request is taken with 204.
    Requests that are not signed with `secret` are answered 401 and counted in `unsigned`. `on_taken` is called, in
    the server's thread, with each request as it is taken.
    """

    def __init__(
        self,
        secret: str,
        port: int = 0,
        *,
        script: tuple[int | Answer, ...] = (),
        on_taken: Callable[[Received], None] | None = None,
    ) -> None:
        self._webhook = Webhook(secret)
        self._script = deque(Answer(each) if isinstance(each, int) else each for each in script)
        self._on_taken = on_taken
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._requests: list[Received] = []
        self.unsigned = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="webhook-receiver")

    @property
    def url(self) -> str:
        """Where to send webhooks."""
        return f"http://127.0.0.1:{self._server.server_port}/webhook"

    @property
    def requests(self) -> list[Received]:
        """Every signed request, in the order of arrival, however it was answered."""
        with self._changed:
            return list(self._requests)

    @property
    def received(self) -> list[Received]:
        """What was taken: each webhook id once, as a receiver should keep it."""
        taken = {each.webhook_id: each for each in reversed(self.requests) if 200 <= each.status < 300}
        return list(reversed(taken.values()))

    def wait_for(self, n: int, timeout: float = 30.0) -> list[Received]:
        """What was taken, as soon as it is `n` webhooks; raises TimeoutError after `timeout` seconds."""
        with self._changed:
            if self._changed.wait_for(lambda: len(self.received) >= n, timeout):
                return self.received
            raise TimeoutError(f"{len(self.received)} of {n} webhooks after {timeout:g} s")

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, headers: dict[str, str], body: bytes) -> Answer:
        """Checks one request and keeps it; says how to answer."""
        try:
            self._webhook.verify(body, headers)
            payload = json.loads(body)
            if not isinstance(payload, dict):
                raise ValueError("a payload is an object")
        except (WebhookVerificationError, ValueError, RecursionError):
            with self._changed:
                self.unsigned += 1
            return Answer(HTTPStatus.UNAUTHORIZED)
        with self._changed:
            answer = self._script.popleft() if self._script else Answer()
            kept = Received(headers["webhook-id"], payload, 0 if answer.hang else answer.status)
            self._requests.append(kept)
            self._changed.notify_all()
        if self._on_taken and 200 <= kept.status < 300:
            self._on_taken(kept)
        return answer

    def hang(self) -> None:
        """Returns when the receiver closes."""
        self._closing.wait()


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not length.isdigit() or int(length) > _MOST_BYTES:
                self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                return
            body = self.rfile.read(int(length))
            answer = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            if answer.hang:
                receiver.hang()
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the receiver's owner says what arrived."""

    return Handler
