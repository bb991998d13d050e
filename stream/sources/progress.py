"""A progress bar on stderr, where a human is looking."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich import progress as bars
from rich.console import Console

from stream.sources.lines import LineFile

__all__ = ["Progress"]

_EVERY = 500
"""Lines between two looks at the bar: drawing costs more than publishing."""


class Progress:
    """How much of a file is read, in bytes on disk, beside the count of items and their event time."""

    def __init__(self, title: str, file: LineFile, *, shown: bool, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._file = file
        self._items = 0
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.TaskProgressColumn(),
            bars.TextColumn("{task.fields[items]:,} items {task.fields[event_time]}"),
            bars.TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._bar.add_task(title, total=max(file.size, 1), items=0, event_time="")

    def advance(self, event_time: str) -> None:
        """Counts a line."""
        self._items += 1
        if self._items % _EVERY == 0:
            self._show(event_time)

    def _show(self, event_time: str) -> None:
        self._bar.update(self._task, completed=self._file.position, items=self._items, event_time=event_time[:16])

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._bar.update(self._task, completed=self._file.size, items=self._items)
        self._bar.stop()
