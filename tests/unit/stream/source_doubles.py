"""What the tests of sources share: a clock in the test's hand, and a web server that says what it was asked."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class HandStop(threading.Event):
    """A stop whose waits take no time of ours, but move the clock; it is set after `patience_s` of them."""

    def __init__(self, clock: HandClock, *, patience_s: float = float("inf")) -> None:
        super().__init__()
        self._clock = clock
        self._left_s = patience_s
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        seconds = timeout or 0.0
        self.waits.append(seconds)
        self._clock.advance(seconds)
        self._left_s -= seconds
        if self._left_s <= 0:
            self.set()
        return self.is_set()


@dataclass
class Answer:
    """One answer of the server."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One request that it got; header names are in lower case."""

    path: str
    headers: dict[str, str]


class FeedSite:
    """A site on the loopback. Each path gives its answers in turn, and the last one for ever."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[Asked] = []
        self._answers: dict[str, deque[Answer]] = defaultdict(deque)

    def says(self, path: str, *answers: Answer) -> str:
        """Sets the answers of a path; returns its URL."""
        self._answers[path] = deque(answers)
        return self.address + path

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        answers = self._answers.get(asked.path) or deque([Answer(404)])
        return answers.popleft() if len(answers) > 1 else answers[0]


@contextmanager
def feed_site() -> Iterator[FeedSite]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            answer = site.answer(asked)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = FeedSite(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rss(*items: str, head: str = "") -> bytes:
    """A feed of these items, each the inside of an <item>."""
    inside = "".join(f"<item>{item}</item>" for item in items)
    return (
        f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>Wire</title>{inside}</channel></rss>'.encode()
    )
