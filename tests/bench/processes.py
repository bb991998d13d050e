"""What processes cost: memory and CPU of a role or a service, children included."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.embedded.process import ServiceProcess

__all__ = ["Memory", "Watched", "cpu_seconds", "sampled", "stack_processes"]

_SERVICES = ("kafka", "postgres", "redis")


@dataclass(frozen=True)
class Watched:
    """A process and its children, by the pid of the first."""

    pid: int

    def memory_mb(self) -> float:
        """What it holds now, in 10**6 bytes; 0 once it is gone.

        Of a process without children the resident set. Where there are children, which share pages (PostgreSQL's
        sessions share its buffers), each page counts once: the proportional set size.
        """
        family = self._family()
        shared = len(family) > 1
        return sum(_quietly(one, lambda each: _memory(each, shared)) for one in family) / 1e6

    def cpu_s(self) -> float:
        """Seconds of CPU so far; of children those that live or were waited for."""
        return sum(_quietly(one, _cpu) for one in self._family())

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@dataclass
class Memory:
    """What was seen of some processes: (seconds, MB by name), in order of time."""

    seen: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def peak_mb(self) -> dict[str, float]:
        """The most that each was seen to hold."""
        names = {name for _, at_once in self.seen for name in at_once}
        return {name: round(max(held.get(name, 0.0) for _, held in self.seen), 1) for name in sorted(names)}

    def series(self, name: str) -> list[tuple[float, float]]:
        """(seconds, MB) of one."""
        return [(at, held[name]) for at, held in self.seen if name in held]


@contextmanager
def sampled(processes: Callable[[], Mapping[str, Watched]], *, every_s: float = 0.5) -> Iterator[Memory]:
    """Looks at the processes every so often while the block runs; they are asked for anew each time."""
    memory, stop = Memory(), threading.Event()

    def look() -> None:
        while not stop.wait(every_s):
            memory.seen.append((time.monotonic(), {name: one.memory_mb() for name, one in processes().items()}))

    thread = threading.Thread(target=look, name="memory", daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()


def cpu_seconds(processes: Mapping[str, Watched]) -> dict[str, float]:
    """Seconds of CPU that each has spent so far."""
    return {name: one.cpu_s() for name, one in processes.items()}


def stack_processes(folder: Path) -> dict[str, Watched]:
    """The embedded services of a folder that run, by name."""
    found = {name: ServiceProcess(name, folder).running() for name in _SERVICES}
    return {name: Watched(process.pid) for name, process in found.items() if process is not None}


def _memory(process: psutil.Process, shared: bool) -> float:
    if shared:
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.rss))  # only Linux tells it
    return float(process.memory_info().rss)


def _cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system + spent.children_user + spent.children_system)


def _quietly(process: psutil.Process, ask: Callable[[psutil.Process], float]) -> float:
    try:
        return ask(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
