"""Pushed documents: taken when the broker has them all, or refused with the place, the fault and the fix."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from eventually import eventually
from source_doubles import NOON, HandClock

from stream.sources import build
from stream.sources.errors import SourceOptionsError
from stream.sources.http_push import Options, PushSource
from stream.sources.memory import MemorySink

TOKEN = "correct horse battery".replace(" ", "-")
FERRY = {"source": "Harbour Post", "title": "Ferry line doubles its fleet", "guid": "f1"}
RAIN = {"source": "Harbour Post", "title": "It rains", "guid": "r1", "fetched_at": "2026-01-01T00:00:00Z"}


class Running:
    """A source that serves, and a client that knows the token."""

    def __init__(self, source: PushSource, sink: MemorySink, client: httpx.Client) -> None:
        self.source, self.sink, self.client = source, sink, client

    def push(self, content: Any, kind: str = "application/json", **headers: str) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.client.post("/documents", content=body, headers={"content-type": kind, **headers})


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    sink, stop = MemorySink(), threading.Event()
    options = Options(
        token=TOKEN, port=0, max_body_bytes=2000, max_inflated_bytes=5000, max_documents=5,
        **{"ack_timeout_s": 0.2, "max_requests": 2, **getattr(request, "param", {})},
    )  # fmt: skip
    source = PushSource(options, sink, name="desk", clock=HandClock())
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    with httpx.Client(base_url=source.address, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield Running(source, sink, client)
    stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    read: dict[str, Any] = response.json()
    assert read["status"] == status
    assert read["title"]
    assert read["detail"]
    return read


def test_one_document_is_acknowledged_with_its_id(running: Running) -> None:
    response = running.push(FERRY)
    assert response.status_code == 202
    (record,) = running.sink.records
    assert record.key is not None
    assert response.json() == {"accepted": 1, "ids": [record.key.decode()]}
    assert running.sink.documents()[0].fetched_at == NOON


def test_an_array_and_json_lines_carry_several(running: Running) -> None:
    assert running.push([FERRY, RAIN]).json()["accepted"] == 2
    lines = b"\n".join([json.dumps(FERRY).encode(), b"", json.dumps(RAIN).encode(), b""])
    assert running.push(lines, "application/x-ndjson; charset=UTF-8").json()["accepted"] == 2
    assert [each.title for each in running.sink.documents()] == [FERRY["title"], RAIN["title"]] * 2
    assert running.sink.documents()[1].fetched_at != NOON  # the crawler knew it better


def test_gzip_is_read(running: Running) -> None:
    body = gzip.compress(json.dumps([FERRY]).encode())
    assert running.push(body, **{"content-encoding": "gzip"}).status_code == 202


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_without_the_token_nothing_is_read(authorization: str, running: Running) -> None:
    response = running.push(FERRY, authorization=authorization)
    problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert running.sink.records == []


@pytest.mark.parametrize("kind", ["text/plain", "", "application/json; charset=gbk"])
def test_another_content_type_is_refused_with_those_that_are_read(kind: str, running: Running) -> None:
    assert "application/x-ndjson" in problem(running.push(FERRY, kind), 415)["detail"]


def test_another_encoding_is_refused(running: Running) -> None:
    response = running.push(FERRY, **{"content-encoding": "br"})
    problem(response, 415)
    assert response.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 1900, b'{"source": "s", "title": "\\ud800"}'])
def test_what_is_no_json_is_refused(body: bytes, running: Running) -> None:
    assert "the body" in problem(running.push(body), 400)["detail"]


@pytest.mark.parametrize("body", [b"", b"  \n", b"[]"])
def test_an_empty_body_is_refused_with_an_example(body: bytes, running: Running) -> None:
    assert '"source"' in problem(running.push(body), 400)["detail"]


def test_a_bad_line_is_named_and_nothing_is_taken(running: Running) -> None:
    lines = json.dumps(FERRY).encode() + b"\n\n{oops\n"
    found = problem(running.push(lines, "application/x-ndjson"), 400)
    assert found["errors"][0]["line"] == 3
    assert "one whole object on each line" in found["errors"][0]["fix"]
    assert running.sink.records == []


def test_every_fault_is_named_with_its_place_and_fix(running: Running) -> None:
    wrong = [FERRY, {"title": "x"}, {"source": "s", "title": 5}, {"source": "s", "body": " "}, 7]
    found = problem(running.push(b"\n".join(json.dumps(each).encode() for each in wrong), "application/x-ndjson"), 422)
    assert [fault["line"] for fault in found["errors"]] == [2, 3, 4, 5]
    assert [fault["fix"] for fault in found["errors"][:3]] == [
        "name the site in source, a text",
        "send an object whose fields are texts: source, url, guid, title, body, published_at, language",
        "give a title or a body",
    ]
    assert "$.title" in found["errors"][1]["problem"]
    assert running.sink.records == []


def test_the_element_of_an_array_is_named_and_a_single_document_needs_none(running: Running) -> None:
    found = problem(running.push([FERRY, {"source": "s", "title": "t", "fetched_at": "soon"}]), 422)
    assert found["errors"][0]["element"] == 2
    assert "RFC 3339" in found["errors"][0]["fix"]
    (fault,) = problem(running.push({"source": " ", "title": "t"}), 422)["errors"]
    assert set(fault) == {"problem", "fix"}


def test_a_correction_and_a_takedown_are_taken(running: Running) -> None:
    later = {"source": "s", "guid": "a", "title": "t", "revised_at": "2026-03-01T08:00:00Z"}
    gone = {"source": "s", "guid": "a", "retracted": True}
    response = running.push([later, gone])
    assert response.status_code == 202, "a takedown needs no text"
    assert [each.takes_down for each in running.sink.documents()] == [False, True]


@pytest.mark.parametrize(
    ("fields", "told", "fix"),
    [
        ({"retracted": True}, "takes nothing down", "guid, or url"),
        ({"retracts": "seven"}, "retracts is no document id", "UUID"),
        ({"retracted": "yes"}, "retracted", "true, or leave it out"),
        ({"title": "t", "revised_at": "soon"}, "revised_at is no time", "RFC 3339"),
    ],
)
def test_a_revision_that_cannot_be_understood_is_refused_with_its_fix(
    fields: dict[str, object], told: str, fix: str, running: Running
) -> None:
    (fault,) = problem(running.push({"source": "s", **fields}), 422)["errors"]
    assert told in fault["problem"]
    assert fix in fault["fix"]


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_too_many_documents_are_refused(kind: str, running: Running) -> None:
    many = [FERRY] * 6
    body = json.dumps(many).encode() if kind.endswith("/json") else b"\n".join(json.dumps(d).encode() for d in many)
    problem(running.push(body, kind), 413)


def test_a_body_that_says_that_it_is_too_large_is_not_read(running: Running) -> None:
    found = problem(running.push(b"x" * 2001), 413)
    assert "2,000 bytes" in found["detail"]


def test_a_chunked_body_is_counted_while_it_comes(running: Running) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 500

    try:
        response = running.client.post("/documents", content=endless(), headers={"content-type": "application/json"})
    except httpx.WriteError:
        return  # the server had hung up before the client looked for the answer
    problem(response, 413)


def test_a_lying_length_gains_nothing(running: Running) -> None:
    host, port = running.source.address.removeprefix("http://").split(":")
    body = json.dumps(FERRY).encode()
    head = (
        f"POST /documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head + body + b"x" * 100_000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 202")
    assert len(running.sink.records) == 1


def test_a_bomb_is_stopped_at_its_limit(running: Running) -> None:
    bomb = gzip.compress(b" " * 1_000_000)
    assert len(bomb) < 2000
    found = problem(running.push(bomb, **{"content-encoding": "gzip"}), 413)
    assert "5,000 bytes" in found["detail"]


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}", mtime=0)[:-3]])
def test_damaged_gzip_is_said_to_be_damaged(body: bytes, running: Running) -> None:
    assert problem(running.push(body, **{"content-encoding": "gzip"}), 400)["title"] == "Damaged gzip"


@pytest.mark.parametrize("running", [{"body_timeout_s": 0.1}], indirect=True)
def test_a_body_that_does_not_come_is_not_waited_for(running: Running) -> None:
    host, port = running.source.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")


def test_a_broker_that_is_away_means_come_again_and_its_return_means_welcome(running: Running) -> None:
    running.sink.away = True
    response = running.push(FERRY)
    problem(response, 503)
    assert int(response.headers["retry-after"]) > 0
    assert running.client.get("/healthz").json() == {"status": "ok", "broker": "away"}
    assert problem(running.client.get("/readyz"), 503)["title"] == "Broker away"
    assert running.push(RAIN).status_code == 503  # at once: what is queued does not grow
    running.sink.away = False
    eventually(lambda: running.client.get("/readyz").status_code == 200)
    assert running.client.get("/healthz").json() == {"status": "ok", "broker": "reachable"}
    assert [each.title for each in running.sink.documents()] == [FERRY["title"]]
    assert running.push(RAIN).status_code == 202


def test_a_full_queue_and_a_refusal_mean_come_again(running: Running) -> None:
    running.sink.refuses = lambda _key: True
    assert "The broker refuses" in problem(running.push(FERRY), 503)["detail"]
    running.sink.refuses = lambda _key: False
    running.sink._room = 0
    assert "away" in problem(running.push(FERRY), 503)["detail"]


@pytest.mark.parametrize("running", [{"max_requests": 1, "ack_timeout_s": 20}], indirect=True)
def test_more_requests_than_there_is_room_for_are_told_to_come_again(running: Running) -> None:
    running.sink.away = True
    with ThreadPoolExecutor() as pool:
        first = pool.submit(running.push, FERRY)
        eventually(lambda: running.sink._open)
        assert problem(running.push(RAIN), 503)["title"] == "Busy"
        running.sink.away = False
        assert first.result().status_code == 202


def test_another_place_says_where_documents_go(running: Running) -> None:
    assert "POST /documents" in problem(running.client.get("/elsewhere"), 404)["detail"]
    response = running.client.get("/documents")
    problem(response, 405)
    assert response.headers["allow"] == "POST"


def test_the_description_knows_the_fields_of_a_document(running: Running) -> None:
    described = running.client.get("/openapi.json").json()["paths"]["/documents"]["post"]["requestBody"]["content"]
    assert "published_at" in json.dumps(described["application/json"])


def test_a_request_in_hand_gets_its_answer_at_a_stop() -> None:
    stop, sink = threading.Event(), MemorySink()
    sink.away = True
    source = PushSource(Options(token=TOKEN, port=0), sink, name="second", clock=HandClock())
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    other = Running(source, sink, httpx.Client(base_url=source.address, headers={"Authorization": f"Bearer {TOKEN}"}))
    with ThreadPoolExecutor() as pool, other.client:
        answer = pool.submit(other.push, FERRY)
        eventually(lambda: sink._open)
        stop.set()
        sink.away = False
        assert answer.result().status_code == 202
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = {"token": TOKEN, "port": taken.getsockname()[1]}
        with pytest.raises(
            SourceOptionsError, match=r"source desk cannot listen on 127\.0\.0\.1:.*another host or port"
        ):
            build("http", options, MemorySink(), name="desk", state=tmp_path, clock=HandClock())


def test_the_token_does_not_show() -> None:
    assert TOKEN not in repr(Options(token=TOKEN))


def test_it_runs_where_signals_are_the_business_of_others() -> None:
    """The server must not take over SIGINT: it would swallow the first stop of the whole process."""
    before = signal.getsignal(signal.SIGINT)
    stop = threading.Event()
    stop.set()
    source = PushSource(Options(token=TOKEN, port=0), MemorySink(), name="main", clock=HandClock())
    source.run(stop)  # in the main thread
    assert signal.getsignal(signal.SIGINT) is before
