"""Serves the application on a socket that is open already, until told to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

__all__ = ["serve"]

_log = structlog.get_logger()

_GRACE_S: Final = 5
"""For requests in hand at the end. Live streams are told to go by then."""

_MOST_CONNECTIONS: Final = 1000


def serve(app: FastAPI, listening: socket.socket, stop: threading.Event, *, proxies: Sequence[str] = ()) -> None:
    """Answers requests until `stop` is set, then lets those in hand finish.

    `proxies` are addresses or networks that are believed when they say for whom they ask (X-Forwarded-For): limits and
    the log are about the visitor then. Nobody else is believed.
    """
    host, port = listening.getsockname()[:2]
    _log.info("console_listening", address=f"http://{host}:{port}")
    asyncio.run(_serve(app, listening, stop, proxies))


async def _serve(app: FastAPI, listening: socket.socket, stop: threading.Event, proxies: Sequence[str]) -> None:
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="off",
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not serving.done():
        server.should_exit = server.should_exit or stop.is_set()
        await asyncio.wait([serving], timeout=0.1)
    await serving


class _Server(uvicorn.Server):
    """Leaves the signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
