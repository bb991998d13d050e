"""Intake in processes of its own, where there are cores to spare: with a GPU one core reads less than it can score."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

import structlog

from storage.records import Retraction
from stream.errors import Unreadable
from stream.intake import Intake, RawRecord, Read
from stream.isolation import each

__all__ = ["IntakeWorkers"]

_log = structlog.get_logger()

_FEWEST = 8
"""Records that are worth sending to a process: they and their documents are copied both ways."""

_intake: Intake


class IntakeWorkers:
    """Answers like `Intake.read_all`, for one thread. Use as a context manager, or call `close`.

    `make` builds the intake of each process, so it must be picklable. A record that kills its process (a library of C
    that it sends astray) is found out and given up alone; a process that dies otherwise is replaced, and what it had is
    read again. Processes end with the one that made them, however that ends.
    """

    def __init__(self, make: Callable[[], Intake], processes: int) -> None:
        if processes < 1:
            raise ValueError(f"processes must be at least 1, not {processes}")
        self._make = make
        self._processes = processes
        self._pool = self._started()

    def read_all(self, records: Sequence[RawRecord]) -> list[Read | Retraction | Exception]:
        """Each record read, or why it could not be: Unreadable, or a defect of ours."""
        share = max(-(-len(records) // self._processes), _FEWEST)
        parts = [records[at : at + share] for at in range(0, len(records), share)]
        try:
            return [one for part in self._pool.map(_read, parts) for one in part]
        except BrokenProcessPool:
            self._replace()
            return each(self._alone, records)

    def warm(self) -> None:
        """Waits until the processes can read, which the first records would wait for otherwise."""
        for waiting in [self._pool.submit(_read, ()) for _ in range(self._processes)]:
            waiting.result()

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(cancel_futures=True)

    def _alone(self, records: Sequence[RawRecord]) -> list[Read | Retraction | Exception]:
        try:
            return self._pool.submit(_read, records).result()
        except BrokenProcessPool:
            self._replace()
            raise

    def _replace(self) -> None:
        _log.warning("intake_process_died")
        self._pool.shutdown(wait=False)
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        # Not by fork: the threads of the broker's clients would not survive it.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, context, initializer=_begin, initargs=(self._make,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _begin(make: Callable[[], Intake]) -> None:
    global _intake
    _intake = make()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(records: Sequence[RawRecord]) -> list[Read | Retraction | Exception]:
    return [_sendable(one) for one in _intake.read_all(records)]


def _sendable(answer: Read | Retraction | Exception) -> Read | Retraction | Exception:
    """Not every exception survives the way to another process."""
    if isinstance(answer, Read | Retraction | Unreadable):
        return answer
    return RuntimeError(f"{type(answer).__name__}: {answer}")
