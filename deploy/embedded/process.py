"""One service process: started in a session of its own, found again by its record, stopped by name and not by guess."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Annotated

import msgspec
import psutil

from deploy.embedded.pause import pause
from deploy.errors import ServiceError

__all__ = ["ServiceProcess", "Spawn"]

Spawn = Callable[[Sequence[str], Path], "subprocess.Popen[bytes]"]
"""Starts a command with its output appended to a log file."""

_SAME_START_S = 5.0  # the clock may have been set since: a process that started within this is the one recorded
_Pid = Annotated[int, msgspec.Meta(gt=0, lt=2**31)]


class _Record(msgspec.Struct):
    """`run/NAME.json`. Times of start are in seconds since 1970."""

    pid: _Pid
    started: float
    owner_pid: _Pid
    owner_started: float


class ServiceProcess:
    """A service of one folder. `run/NAME.json` says which process it is and which process owns it.

    The service has a session of its own, so that Ctrl-C in a terminal reaches only the daemon, which then stops
    its services last.
    """

    def __init__(self, name: str, folder: Path, *, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        self.name = name
        self.log = folder / "logs" / f"{name}.log"
        self._record = folder / "run" / f"{name}.json"
        self._stop_signal = stop_signal
        self._child: subprocess.Popen[bytes] | None = None

    def running(self) -> psutil.Process | None:
        """The living process of this service, or None. A pid that was given to another program is not ours."""
        record = self._read()
        return _living(record.pid, record.started) if record else None

    def owner(self) -> psutil.Process | None:
        """The living process that started or adopted this service, or None."""
        record = self._read()
        return _living(record.owner_pid, record.owner_started) if record else None

    def adopt(self) -> None:
        """Makes this process the owner of the running service."""
        process = self.running()
        if process is not None:
            self._write(process)

    def spawn(self, argv: Sequence[str], spawn: Spawn | None = None) -> None:
        """Starts the service; this process is its owner."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._child = (spawn or spawn_in_session)(argv, self.log)
        self._write(psutil.Process(self._child.pid))

    def wait_ready(self, probe: Callable[[], bool], timeout_s: float) -> None:
        """Returns when `probe` says so; raises ServiceError when the process ends first or time is up."""
        deadline = monotonic() + timeout_s
        while not probe():
            if self._child is not None and self._child.poll() is not None:
                raise self._failure(f"ended with exit code {self._child.returncode} while starting")
            if monotonic() > deadline:
                raise self._failure(f"did not answer within {timeout_s:g} s")
            pause(0.05)

    def stop(self, timeout_s: float = 30) -> None:
        """Asks the service to end, and kills it where it does not within `timeout_s`."""
        process = self.running()
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(self._stop_signal)
                try:
                    process.wait(timeout_s)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(5)
        if self._child is not None:
            self._child.wait(5)
            self._child = None
        self._record.unlink(missing_ok=True)

    def _read(self) -> _Record | None:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=_Record)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # absent, or damaged: a service is then told by its port alone

    def _write(self, process: psutil.Process) -> None:
        owner = psutil.Process()
        record = _Record(process.pid, process.create_time(), owner.pid, owner.create_time())
        self._record.parent.mkdir(parents=True, exist_ok=True)
        partial = self._record.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(record))
        partial.replace(self._record)

    def _failure(self, what: str) -> ServiceError:
        lines: list[str] = []
        for file in (self.log, self.log.with_suffix(".out")):
            with contextlib.suppress(OSError):
                lines += file.read_text(errors="replace").strip().splitlines()[-6:]
        tail = "\n    ".join(lines) or "(nothing)"
        return ServiceError(
            f"The embedded {self.name} {what}. Its last words in {self.log}:\n    {tail}",
            fix="read that log file; if the data below its folder is damaged, begin anew with --fresh.",
        )


def spawn_in_session(
    argv: Sequence[str], log: Path, *, user: int | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts a command in its own session, output appended to `log`, as `user` (a uid) where one is given."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            env={**os.environ, **(env or {})},
        )


def _living(pid: int, started: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            # A dead child of ours; until it is reaped PostgreSQL takes its pid for a living postmaster.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
            return None
        return process if abs(process.create_time() - started) < _SAME_START_S else None
    except psutil.NoSuchProcess:
        return None
