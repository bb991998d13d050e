"""PostgreSQL servers of one test: killed, filled up, copied, promoted. Nobody else uses them."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from eventually import eventually

from deploy.embedded import postgres
from deploy.embedded.ports import remembered_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.privileges import choose_privileges

__all__ = ["Server", "a_server", "on_a_small_disk"]

_SECRET = "only-here"


class Server:
    """One server below `folder`, at a port of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = remembered_ports(folder / "ports.json", ("postgres",))["postgres"]
        self._embedded = EmbeddedPostgres(folder, port=self.port, secret=_SECRET, outside=folder / "outside")
        self.url = self._embedded.url

    def start(self) -> None:
        self._embedded.start()

    def stop(self) -> None:
        self._embedded.process.stop()

    def kill(self) -> None:
        """As a power failure does: every process at once, nothing flushed that was not."""
        postmaster = self._embedded.process.running()
        assert postmaster is not None
        for process in [postmaster, *postmaster.children(recursive=True)]:
            process.kill()
        postmaster.wait(30)

    def run(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as session:
            cursor = session.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def standby(self, folder: Path) -> Server:
        """A streaming copy of this server, running."""
        copy = Server(folder)
        data = folder / "postgres" / "data"
        privileges = choose_privileges(self.folder / "postgres" / "data")
        if privileges.user is not None:
            pytest.skip("no user namespaces here: the copy would belong to the wrong user")
        data.parent.mkdir(parents=True)
        program = postgres._installed() / "pg_basebackup"
        argv = [*privileges.prefix, str(program), "-D", str(data), "-R", "-d", self.url, "--checkpoint=fast"]
        subprocess.run(argv, check=True, capture_output=True, timeout=120)
        copy.start()
        return copy

    def wait_for(self, standby: Server) -> None:
        """Until the standby has all that this server has committed."""
        ((lsn,),) = self.run("SELECT pg_current_wal_lsn()")
        eventually(lambda: standby.run(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'")[0][0], 60)


@contextmanager
def a_server(folder: Path) -> Iterator[Server]:
    """A server that runs, and is stopped in the end."""
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def on_a_small_disk(folder: Path, monkeypatch: pytest.MonkeyPatch, *, mib: int) -> Iterator[tuple[Server, Path]]:
    """A server whose data lie on a file system of so many MiB, in a namespace of its own, and a path that is on it.

    The path is for filling the disk. A server that dies for want of room is started again, as a supervisor would.
    """
    data = folder / "postgres" / "data"
    data.mkdir(parents=True)
    user = "--map-user=65534 --map-group=65534"
    outer = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*outer, "mount", "-t", "tmpfs", "none", str(data)], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    # Whoever starts the server starts this: it mounts once, then keeps the server running until it is told to stop.
    keeper = folder / "keeper.sh"
    keeper.write_text(
        f'mount -t tmpfs -o size={mib}m,mode=0700 none {shlex.quote(str(data))}; mkdir {data}/pg; program="$1"; shift\n'
        f'unshare --user {user} -- "$INITDB" -D {data}/pg --username=yuqing --auth=trust --encoding=UTF8 --locale=C\n'
        "trap 'kill -INT $server; wait $server; exit' INT TERM\n"
        "while :; do\n"
        f'  unshare --user {user} -- "$program" -D {data}/pg "$@" & server=$!; wait $server; sleep 0.2\n'
        "done\n"
    )
    binaries = postgres._installed()
    monkeypatch.setenv("INITDB", str(binaries / "initdb"))
    server = Server(folder)
    options = [part for name, value in postgres._OPTIONS.items() for part in ("-c", f"{name}={value}")]
    argv = [*outer, "sh", str(keeper), str(binaries / "postgres"), "-p", str(server.port), *options]
    with ExitStack() as ending, (folder / "keeper.log").open("wb") as log:
        holder = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        ending.callback(_end, holder)
        eventually(server._embedded.ready, 60, what="the server on a small disk answers")
        server._embedded._create_database()
        yield server, Path(f"/proc/{holder.pid}/root{data}/ballast")


def _end(holder: subprocess.Popen[bytes]) -> None:
    processes = [psutil.Process(holder.pid), *psutil.Process(holder.pid).children(recursive=True)]
    for process in processes:
        process.kill()
    holder.wait(30)
