"""Intake whose watch list may change while it reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from storage.records import Retraction
from stream.intake import Intake, RawRecord, Read
from stream.intake_workers import IntakeWorkers
from stream.watchlist import Entity

__all__ = ["RenewableIntake"]


class RenewableIntake:
    """Answers like `Intake.read_all`, each batch by one list from its first record to its last.

    `make` builds the intake of a list, in this process or in others. That takes a tenth of a second or some seconds, in
    the thread that brings the new list: documents do not wait for it. Use as a context manager.
    """

    def __init__(self, make: Callable[[Sequence[Entity]], Intake | IntakeWorkers], entities: Sequence[Entity]) -> None:
        self._make = make
        self._intake = make(entities)
        self._reading = threading.Lock()

    def read_all(self, records: Sequence[RawRecord]) -> list[Read | Retraction | Exception]:
        """Each record read, or why it could not be."""
        with self._reading:
            return self._intake.read_all(records)

    def renew(self, entities: Sequence[Entity]) -> None:
        """The next batch is read by this list. Raises what building raises; the list stays what it was then."""
        made = self._make(entities)
        with self._reading:
            old, self._intake = self._intake, made
        _close(old)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close(self._intake)


def _close(intake: Intake | IntakeWorkers) -> None:
    if isinstance(intake, IntakeWorkers):
        intake.close()
