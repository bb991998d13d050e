"""How far a file is replayed for certain: the line before which the broker has everything."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Annotated

import msgspec
import structlog

__all__ = ["AcknowledgedPrefix", "Checkpoint", "CheckpointFile"]

_log = structlog.get_logger()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file."""

    identity: str
    file: str
    """Its name, for a human who looks into the folder."""
    line: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The broker has this line, and all before it."""
    done: bool = False
    """The file was replayed to its end."""


class CheckpointFile:
    """The checkpoint of one file, kept in a folder under the file's identity."""

    def __init__(self, folder: Path, identity: str, name: str) -> None:
        self._path = folder / f"replay-{identity}.json"
        self._none = Checkpoint(identity=identity, file=name)

    def load(self) -> Checkpoint:
        """The stored checkpoint, or one at the beginning."""
        try:
            stored = msgspec.json.decode(self._path.read_bytes(), type=Checkpoint)
            if stored.identity != self._none.identity:
                raise msgspec.ValidationError(f"it is that of another file, {stored.identity}")
            return stored
        except FileNotFoundError:
            return self._none
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # To begin anew is always safe: what is there already is recognised downstream.
            _log.warning("checkpoint_unreadable", path=str(self._path), error=str(error))
            return self._none

    def save(self, line: int, *, done: bool = False) -> None:
        """Replaces the stored checkpoint in one step, so that a kill leaves the old or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(msgspec.structs.replace(self._none, line=line, done=done)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


class _Pending:
    """One line on its way."""

    __slots__ = ("acknowledged", "failure", "line")

    def __init__(self, line: int) -> None:
        self.line = line
        self.acknowledged = False
        self.failure: Exception | None = None

    def settle(self, failure: Exception | None) -> None:
        self.failure = failure
        self.acknowledged = failure is None


class AcknowledgedPrefix:
    """Which line every line up to has been acknowledged, though partitions acknowledge in any order.

    Acknowledgements may come from any thread; `track` and `advance` belong to one.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        self._pending: deque[_Pending] = deque()

    def track(self, line: int) -> _Pending:
        """Notes a line that is about to be published; its `settle` is the acknowledgement."""
        pending = _Pending(line)
        self._pending.append(pending)
        return pending

    def forget(self, pending: _Pending) -> None:
        """Takes back the last `track`: the line was not published after all."""
        self._pending.remove(pending)

    def advance(self) -> int:
        """Moves over what is acknowledged; returns how many lines that were."""
        moved = 0
        while self._pending and self._pending[0].acknowledged:
            self.line = self._pending.popleft().line
            moved += 1
        return moved

    @property
    def failure(self) -> Exception | None:
        """Why the first line that is not acknowledged never will be; None while it may."""
        return self._pending[0].failure if self._pending else None

    @property
    def open(self) -> int:
        """How many lines are on their way."""
        return len(self._pending)
