"""What is shown while it runs: how many records were read, scored, counted, refused, and how many alerts came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Board", "Tally"]

_PLAIN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Where the stream stands. `read` counts records the broker has, `counted` those with an outcome in the books."""

    read: int = 0
    scored: int = 0
    counted: int = 0
    dead: int = 0
    alerts: int = 0

    def __str__(self) -> str:
        return f"read {self.read}  scored {self.scored}  counted {self.counted}  dead {self.dead}  alerts {self.alerts}"


class Board:
    """A live line with a bar on a terminal; elsewhere a plain line every five seconds. Use as a context manager."""

    def __init__(self, console: Console, total: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._total = total
        self._seconds = seconds
        self._shown_at = seconds()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[tally]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task("", total=total, tally="")
        self._phase = ""

    def phase(self, name: str) -> None:
        """Says what is being done now."""
        self._phase = name
        self._progress.update(self._task, description=name)
        if not self._console.is_terminal:
            self._console.print(name)

    def show(self, tally: Tally) -> None:
        """Shows where the stream stands."""
        self._progress.update(self._task, completed=tally.counted, tally=str(tally))
        if not self._console.is_terminal and self._seconds() - self._shown_at >= _PLAIN_EVERY_S:
            self._shown_at = self._seconds()
            self._console.print(f"{self._phase}: {tally} of {self._total}", soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
