"""The proxy does to connections what it says: the faults are real."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from eventually import eventually
from tcp_proxy import HOST, ProxyThread, TcpProxy


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """In front of a server that says everything back."""
    server = socket.create_server((HOST, 0))
    threading.Thread(target=_echo, args=(server,), daemon=True).start()
    proxy = TcpProxy(server.getsockname()[1])
    with ProxyThread(proxy), closing(server):
        yield proxy


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_say_back, args=(connection,), daemon=True).start()


def _say_back(connection: socket.socket) -> None:
    with connection:
        try:
            while heard := connection.recv(1024):
                connection.sendall(heard)
        except OSError:
            return


def connected(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=10)


def said_back(connection: socket.socket, word: bytes) -> bytes:
    connection.sendall(word)
    return connection.recv(1024)


def test_it_passes_bytes_through(proxy: TcpProxy) -> None:
    with connected(proxy) as one, connected(proxy) as other:
        assert said_back(one, b"hello") == b"hello"
        assert said_back(other, b"there") == b"there"
        assert proxy.open_connections == 2
    eventually(lambda: proxy.open_connections == 0)


def test_a_cut_resets_what_is_open_and_welcomes_what_comes(proxy: TcpProxy) -> None:
    with connected(proxy) as one:
        assert said_back(one, b"hello") == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            one.recv(1024)
        with connected(proxy) as other:
            assert said_back(other, b"again") == b"again"


def test_a_stall_holds_every_byte_back_and_loses_none(proxy: TcpProxy) -> None:
    with connected(proxy) as one:
        assert said_back(one, b"hello") == b"hello"
        proxy.stall()
        one.settimeout(0.2)
        one.sendall(b"late")
        with pytest.raises(TimeoutError):
            one.recv(1024)
        proxy.flow()
        one.settimeout(10)
        assert one.recv(1024) == b"late"


def test_while_it_is_away_nobody_gets_through(proxy: TcpProxy) -> None:
    with connected(proxy) as one:
        assert said_back(one, b"hello") == b"hello"
        proxy.leave()
        with pytest.raises(ConnectionResetError):
            one.recv(1024)
        with pytest.raises(OSError), connected(proxy) as other:  # noqa: PT011, PT012 - reset now or at the first word
            other.sendall(b"hello")
            if not other.recv(1024):
                raise ConnectionResetError
        proxy.return_()
        with connected(proxy) as again:
            assert said_back(again, b"back") == b"back"


def test_a_reset_on_one_side_reaches_the_other() -> None:
    """As when a process is killed before it has read all that it was sent: its server must not wait for it."""
    with socket.create_server((HOST, 0)) as server:
        proxy = TcpProxy(server.getsockname()[1])
        with ProxyThread(proxy):
            client = connected(proxy)
            accepted, _ = server.accept()
            accepted.settimeout(10)
            accepted.sendall(b"never read")
            eventually(lambda: client.recv(1, socket.MSG_PEEK))
            client.close()
            with accepted, pytest.raises(ConnectionResetError):
                accepted.recv(1024)
