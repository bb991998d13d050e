"""The stream of a run: a file in slices, each published, by the product's own replay, when the run lets it go."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from stream.publisher import Publisher
from stream.sources.replay import Replay
from stream.topics import Topics

__all__ = ["GatedFeed", "sliced"]


def sliced(lines: Sequence[str], folder: Path, slices: int) -> list[Path]:
    """Files with all lines, in order, in so many parts of about the same size."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(slices):
        begin, end = (len(lines) * place // slices for place in (number, number + 1))
        files.append(folder / f"feed-{number:03}.jsonl")
        files[-1].write_text("".join(lines[begin:end]), encoding="utf-8")
    return files


class GatedFeed:
    """Publishes slices in a thread of its own, so that a broker that is away holds up the stream and nobody else."""

    def __init__(self, bootstrap: str, topics: Topics, slices: Sequence[Path], state: Path) -> None:
        self._publisher = Publisher(bootstrap, topics)
        self._slices = [(path, len(path.read_text(encoding="utf-8").splitlines())) for path in slices]
        self._state = state
        self._released = 0
        self._records = 0
        self._wanted: queue.Queue[Path | None] = queue.Queue()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def release(self) -> int:
        """Lets the next slice go; returns how many records the log has once it is out."""
        with self._lock:
            path, records = self._slices[self._released]
            self._released += 1
            return self._let_go(path, records)

    def repeat(self) -> None:
        """Lets the last slice go once more."""
        with self._lock:
            self._let_go(*self._slices[self._released - 1])

    def finish(self, timeout_s: float) -> None:
        """Lets the rest go and waits until the broker has all of it. Raises what stopped the feed."""
        while self._released < len(self._slices):
            self.release()
        self._wanted.put(None)
        self._thread.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        assert not self._thread.is_alive(), f"the broker did not take the feed within {timeout_s:g} s"

    def __enter__(self) -> GatedFeed:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wanted.put(None)

    def _let_go(self, path: Path, records: int) -> int:
        self._records += records
        self._wanted.put(path)
        return self._records

    def _run(self) -> None:
        try:
            while (path := self._wanted.get()) is not None and not self._stop.is_set():
                Replay([path], self._publisher, state=self._state, clock=_now).replay(self._stop)
        except BaseException as error:
            self._failure = error


def _now() -> datetime:
    return datetime.now(UTC)
