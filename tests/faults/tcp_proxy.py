"""A TCP proxy of the tests' own, between the product and a service: it passes through, cuts, stalls or turns away."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

__all__ = ["ProxyThread", "TcpProxy"]

HOST = "127.0.0.1"
_CHUNK = 64 * 1024


class TcpProxy:
    """Listens on `port` (0: any free one) and carries bytes to and from `target_port`, both on loopback.

    Its methods may be called from any thread once its `ProxyThread` runs.
    """

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.port = port
        self.accepted = 0
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.WriteTransport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._away = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def open_connections(self) -> int:
        """How many connections it carries now."""
        return len(self._transports) // 2

    def cut(self) -> None:
        """Resets every connection there is; new ones are welcome at once."""
        self._call(self._abort_all)

    def stall(self) -> None:
        """Holds every byte back, in both directions, until `flow`: neither side is told."""
        self._call(self._flowing.clear)

    def flow(self) -> None:
        """Ends a stall; what was held back goes on."""
        self._call(self._flowing.set)

    def leave(self) -> None:
        """As if the service were unreachable: resets every connection and each new one, until `return_`."""

        def away() -> None:
            self._away = True
            self._abort_all()

        self._call(away)

    def return_(self) -> None:
        """Takes connections again."""

        def back() -> None:
            self._away = False

        self._call(back)

    async def open(self) -> None:
        """Begins to listen; called by the thread that runs it."""
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._carry, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends every connection and stops listening."""
        if self._server is not None:
            self._server.close()
        self._abort_all()

    def _call(self, what: Callable[[], None]) -> None:
        assert self._loop is not None, "it is not open"

        async def call() -> None:
            what()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def _abort_all(self) -> None:
        for transport in list(self._transports):
            _reset(transport)
        self._transports.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # the loop keeps weak references only
        task.add_done_callback(self._tasks.discard)
        if self._away:
            _reset(writer.transport)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            _reset(writer.transport)
            return
        ends = {writer.transport, far_writer.transport}
        self._transports |= ends
        try:
            with suppress(OSError):  # one side was reset: so is the other
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._transports -= ends
            for end in ends:
                _reset(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class ProxyThread:
    """Runs proxies in a thread of its own for the duration of a block."""

    def __init__(self, *proxies: TcpProxy) -> None:
        self._proxies = proxies
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxies", daemon=True)

    def __enter__(self) -> ProxyThread:
        self._thread.start()
        for proxy in self._proxies:
            self._do(proxy.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self._proxies:
            self._do(proxy.close())
        self._do(_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def _reset(transport: asyncio.WriteTransport) -> None:
    """Ends a connection with a reset, as a machine or a firewall that lost it does, not with a polite end."""
    with suppress(OSError):  # the other side was quicker
        end = transport.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _ended() -> None:
    """Cancels what still carries and waits for it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
