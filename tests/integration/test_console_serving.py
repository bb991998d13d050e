"""The real server: whom it believes about who asks, where a request ends, and what it tells of itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
from console_stage import ConsoleStage, on_database

from alerts.api.serving import serve
from alerts.console.app import console_app


@contextmanager
def served(staged: ConsoleStage, proxies: Sequence[str] = ()) -> Iterator[int]:
    """The port on which the application answers, with limits of its own."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = console_app(on_database(staged.database).parts, https=False)
        thread = threading.Thread(target=serve, args=(app, listening, stop), kwargs={"proxies": proxies})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def raw(port: int, request: bytes) -> bytes:
    """Everything that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def statuses(port: int, visitor: str, guesses: int) -> list[int]:
    headers = {"Authorization": "Bearer yq_0_guess", "X-Forwarded-For": visitor}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers) as client:
        return [client.get("/system").status_code for _ in range(guesses)]


def test_one_visitor_behind_a_known_proxy_locks_out_no_other(console: ConsoleStage):
    with served(console, ["127.0.0.0/8"]) as port:
        assert statuses(port, "203.0.113.5", 11) == [401] * 10 + [429]
        assert statuses(port, "203.0.113.6", 1) == [401]
        assert statuses(port, "203.0.113.6, 203.0.113.5", 1) == [429], "who stands nearest to the proxy counts"


@pytest.mark.parametrize("proxies", [(), ("10.0.0.1/32",)])
def test_who_is_no_proxy_of_ours_cannot_say_who_it_is(console: ConsoleStage, proxies: Sequence[str]):
    with served(console, proxies) as port:
        assert [statuses(port, f"203.0.113.{number}", 1)[0] for number in range(11)] == [401] * 10 + [429]


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nContent-Length: 9\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length : 4\r\n",
    ],
)
def test_a_request_whose_end_is_ambiguous_is_refused(console: ConsoleStage, framing: bytes):
    hidden = b"GET /login HTTP/1.1\r\nHost: a\r\n\r\n"
    with served(console) as port:
        answer = raw(port, b"POST /login HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n" + hidden)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.split()[1] in (b"400", b"501")


def test_where_a_request_has_both_framings_the_chunks_count(console: ConsoleStage):
    both = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    after = b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with served(console) as port:
        answer = raw(port, both + after)

    assert [part.split()[0] for part in answer.split(b"HTTP/1.1 ")[1:]] in ([b"403", b"404"], [b"400"])


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PUT", "DELETE", "PATCH"])
def test_methods_that_a_page_does_not_have_are_refused(console: ConsoleStage, method: str):
    with served(console) as port:
        answer = raw(
            port, f"{method} /login HTTP/1.1\r\nHost: a\r\nCookie: yuqing=x\r\nConnection: close\r\n\r\n".encode()
        )

    assert answer.split()[1] == b"405"
    assert b"yuqing=x" not in answer


def test_the_server_tells_neither_its_name_nor_its_version(console: ConsoleStage):
    with served(console) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/login")

    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert "uvicorn" not in answer.text.lower()
