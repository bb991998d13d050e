"""A process that tries inputs, and may die of one; another then goes on behind it."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from attempt import Failure, attempt, bound_this_process, deepest, input_of
from target import Target

__all__ = ["Chunk", "Done", "Worker"]

_STUCK_S = 120.0
"""Without a word for so long: it waits for something that never comes. A loop is noticed much sooner."""

_spawn = multiprocessing.get_context("spawn")  # a fork would inherit what the parent's threads hold


@dataclass(frozen=True)
class Chunk:
    """The inputs `start` to `end` of one target."""

    target: str
    start: int
    end: int


@dataclass(frozen=True)
class Done:
    """What came of a chunk; `survived` were taken, `refused` answered with an allowed error."""

    chunk: Chunk
    survived: int
    refused: int
    seconds: float
    failures: tuple[tuple[int, Failure], ...]


class Worker:
    """A process that tries chunks. One that dies leaves the number of the input that killed it; another goes on."""

    def __init__(self, load: Callable[[], Mapping[str, Target]], seed: int, folder: Path) -> None:
        self._load, self._seed = load, seed
        self._log = folder / "hang.txt"
        self._number = _spawn.Value("q", -1, lock=False)
        self._chunk: Chunk | None = None
        self._lost: list[tuple[int, Failure]] = []
        self._start()

    def _start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._pipe, theirs = _spawn.Pipe()
        arguments = (self._load, self._seed, theirs, self._number, self._log)
        self._process: SpawnProcess = _spawn.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def give(self, chunk: Chunk | None) -> bool:
        """Hands over a chunk; False where there is none."""
        self._chunk, self._heard, self._last = chunk, monotonic(), -1
        if chunk is not None:
            self._pipe.send(chunk)
        return chunk is not None

    def ready(self, timeout_s: float) -> bool:
        """Whether the chunk is finished, or the process is."""
        if self._number.value != self._last:
            self._last, self._heard = self._number.value, monotonic()
        if monotonic() - self._heard > _STUCK_S:
            self._process.kill()
        return bool(wait([self._pipe, self._process.sentinel], timeout_s))

    def take(self) -> Done:
        """What came of the chunk. Where the process died, the rest of it is done by the next one first."""
        assert self._chunk is not None
        done: Done | None = None
        while done is None:
            try:
                done = self._pipe.recv()
            except (EOFError, ConnectionError):
                self._bury()
        lost, self._lost = self._lost, []
        return Done(self._chunk, done.survived, done.refused, done.seconds, (*lost, *done.failures))

    def _bury(self) -> None:
        assert self._chunk is not None
        self._process.join()
        number, code = self._number.value, self._process.exitcode or 0
        target = self._load()[self._chunk.target]
        if not self._chunk.start <= number < self._chunk.end:
            raise RuntimeError(f"a fuzzing process ended with {code} before its first input")
        error = "Hang" if code in (-signal.SIGPROF, -signal.SIGKILL) else f"Crash: exit code {code}"
        where = deepest(self._log.read_text()) if code == -signal.SIGPROF else "?"
        failure = Failure(target.name, error, where, input_of(target, self._seed, number))
        self._lost.append((number, failure))
        self._start()
        self._pipe.send(Chunk(self._chunk.target, number + 1, self._chunk.end))

    def end(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _work(load: Callable[[], Mapping[str, Target]], seed: int, pipe: Connection, number: Any, log: Path) -> None:
    targets = load()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # warnings are right
    bound_this_process(log)
    while True:
        try:
            chunk: Chunk = pipe.recv()
        except EOFError:
            return
        began, survived, refused, failures = monotonic(), 0, 0, []
        for number.value in range(chunk.start, chunk.end):
            verdict = attempt(targets[chunk.target], input_of(targets[chunk.target], seed, number.value))
            if isinstance(verdict, Failure):
                failures.append((number.value, verdict))
            else:
                survived, refused = survived + verdict, refused + (not verdict)
        pipe.send(Done(chunk, survived, refused, monotonic() - began, tuple(failures)))
