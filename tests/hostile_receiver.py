"""Many webhook endpoints behind one port, good and bad: the first step of the path says how one behaves.

    /ok      204                                  /hang    takes the request and never answers
    /fail    500                                  /drip    answers one byte a second
    /gone    410                                  /endless sends headers without end
    /lies    200, a length of a gigabyte, no body /dies    hangs up within the answer, twice, then 204
    /away    307 to /trap                         /reset   breaks the connection, twice, then 204

Every answer closes its connection, as a thousand hosts would not share one either.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

__all__ = ["Arrival", "HostileReceiver", "serve_in_process"]

_OK = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
_LIE = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\nconnection: close\r\n\r\n"
_TWICE = 2


@dataclass(frozen=True)
class Arrival:
    """One whole request. `at` is time.time()."""

    path: str
    webhook_id: str
    body: dict[str, Any]
    at: float


class HostileReceiver:
    """Serves in a thread while it is open; `arrivals` are in the order of arrival."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._tries: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def url(self, path: str) -> str:
        """Where the endpoint of this path is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}{path}"

    def by_path(self) -> dict[str, list[Arrival]]:
        """The arrivals of each endpoint."""
        found: dict[str, list[Arrival]] = defaultdict(list)
        with self._changed:
            for each in self.arrivals:
                found[each.path].append(each)
        return found

    def __enter__(self) -> HostileReceiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._answer, sock=self._listener)
        await self._closing.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = await self._take(reader)
            await self._behave(path.split("/")[1], path, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        path = first.split(" ")[1]
        arrival = Arrival(path, headers["webhook-id"], json.loads(body), time.time())
        with self._changed:
            self.arrivals.append(arrival)
            self._changed.notify_all()
        return path

    async def _behave(self, kind: str, path: str, writer: asyncio.StreamWriter) -> None:
        self._tries[path] += 1
        late = self._tries[path] > _TWICE
        match kind:
            case "hang":
                await self._closing.wait()
            case "drip":
                for byte in _OK:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\n")
                while not self._closing.is_set():
                    writer.write(b"x-more: " + b"y" * 8000 + b"\r\n")
                    await writer.drain()
            case "reset" if not late:
                linger = b"\1\0\0\0\0\0\0\0"
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            case "dies" if not late:
                writer.write(_OK[:11])
            case "fail":
                writer.write(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            case "gone":
                writer.write(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            case "away":
                trap = self.url("/trap").encode()
                writer.write(b"HTTP/1.1 307 Away\r\nlocation: " + trap + b"\r\ncontent-length: 0\r\n\r\n")
            case "lies":
                writer.write(_LIE)
            case _:
                writer.write(_OK)
        await writer.drain()


def serve_in_process(pipe: Connection) -> None:
    """For a process of its own: sends its base URL, and its arrivals whenever it is asked; ends on None."""
    with HostileReceiver() as receiver:
        pipe.send(receiver.url(""))
        while pipe.recv() is not None:
            pipe.send([(each.path, each.webhook_id, each.at) for each in list(receiver.arrivals)])
