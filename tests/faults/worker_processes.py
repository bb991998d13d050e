"""The roles of an installation as operating-system processes, which can be killed, stopped, continued and replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

__all__ = ["Worker", "WorkerProcesses"]

TESTS = Path(__file__).parents[1]


@dataclass
class Worker:
    """One place in the installation, such as `scorer-2`, and the process that has it now."""

    name: str
    role: str
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0


@dataclass
class WorkerProcesses:
    """Starts roles as `yuqing up --role ROLE` does, each worker with a state folder of its own.

    `quick` puts a classifier in the scorer that costs nothing; the rest is the product as it is deployed.
    """

    config: Path
    folder: Path
    quick: bool
    workers: dict[str, Worker] = field(default_factory=dict)
    crashes: list[str] = field(default_factory=list)
    """Exits that nobody asked for; the supervisor of a real installation starts those again, and so do we."""
    _lock: Lock = field(default_factory=Lock)

    def start(self, name: str) -> None:
        """Starts a worker that does not run; its role is its name up to the dash."""
        with self._lock:
            worker = self.workers.setdefault(name, Worker(name, name.partition("-")[0]))
            if worker.process is None:
                self._spawn(worker)

    def kill(self, name: str) -> None:
        """SIGKILL, wherever it is."""
        self._end(name, signal.SIGKILL, 10)

    def leave(self, name: str, timeout_s: float = 90) -> None:
        """SIGTERM, as an operator does: it finishes its batch and leaves its group. Kills it where it does not."""
        self._end(name, signal.SIGTERM, timeout_s)

    def signal(self, name: str, number: signal.Signals) -> None:
        """SIGSTOP or SIGCONT, to it and the processes it started itself."""
        with self._lock:
            worker = self.workers[name]
            if worker.process is not None:
                os.killpg(worker.process.pid, number)

    def revive(self) -> None:
        """Starts again what ended by itself, and remembers that it did."""
        with self._lock:
            for worker in self.workers.values():
                if worker.process is not None and (code := worker.process.poll()) is not None:
                    self.crashes.append(f"{worker.name} ended with exit code {code}")
                    self._spawn(worker)

    def close(self) -> None:
        """Lets every worker leave, in the order of the flow, and kills what does not."""
        order = {role: place for place, role in enumerate(("scorer", "windows", "alerts"))}
        for name in sorted(self.workers, key=lambda one: (order[self.workers[one].role], one)):
            self.leave(name, timeout_s=30)

    def log(self, name: str) -> Path:
        """Where a worker, in all its lives, writes."""
        return self.folder / f"{name}.log"

    def _spawn(self, worker: Worker) -> None:
        with self.log(worker.name).open("ab") as log:
            worker.process = subprocess.Popen(
                self._command(worker.role),
                env={**os.environ, **self._environment(worker)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        worker.starts += 1

    def _command(self, role: str) -> Sequence[str]:
        if self.quick and role == "scorer":
            return [sys.executable, str(TESTS / "faults/quick_scorer.py")]
        return [sys.executable, "-m", "deploy", "up", "--role", role]

    def _environment(self, worker: Worker) -> Mapping[str, str]:
        return {
            "YUQING_CONFIG": str(self.config),
            "YUQING_STATE_FOLDER": str(self.folder / worker.name),
            "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent))),
        }

    def _end(self, name: str, number: signal.Signals, timeout_s: float) -> None:
        with self._lock:  # from here on it is nobody's business but ours
            worker = self.workers[name]
            process, worker.process = worker.process, None
        if process is None:
            return
        group = process.pid
        if process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout_s)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)  # what it started itself goes with it
        process.wait(10)
