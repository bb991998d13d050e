"""Replays stored JSON lines as a stream: at a multiple of event time or flat out, and onwards after a stop.

Lines go out in the order of the file, which is the order of event time. Each partition keeps it. Between partitions,
the lines on their way (10,000 at most) bound how far one may be ahead of another; nothing is lost by that, since
the watermark downstream is the lowest over the partitions.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import structlog

from stream.sources.acknowledgement import BrokerWatch
from stream.sources.checkpoints import CheckpointFile
from stream.sources.fields import FieldMap
from stream.sources.file_pass import FilePass, Tally
from stream.sources.line_records import LARGEST_LINE_BYTES, LineRecords
from stream.sources.lines import LineFile
from stream.sources.pace import Pace
from stream.sources.progress import Progress
from stream.sources.source import Clock, Sink

__all__ = ["Options", "Replay", "ReplayReport", "build"]

_log = structlog.get_logger()


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A replay as a source of the daemon: a file that was replayed to its end is not replayed again."""

    files: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    speed: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Seconds of event time in a second; none is as fast as the broker takes."""
    fields: dict[str, tuple[str, ...]] = {}
    """For a field of a document, the names it may have in the file; the defaults are `fields.DEFAULT_FIELDS`."""


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one replay did."""

    items: int
    """Lines that this run read, blank ones aside."""
    published: int
    """Records that the broker acknowledged, bad lines among them."""
    skipped: int
    """Lines that an earlier, interrupted run had published."""
    bad_lines: int
    """Lines that are no document. They are published as they are, and end as dead letters."""
    seconds: float
    finished: bool
    """False when it was stopped before the end: the next run goes on there."""

    @property
    def items_per_second(self) -> float:
        """Zero for a run that took no time."""
        return self.items / self.seconds if self.seconds else 0.0


class Replay:
    """Publishes the lines of files, in order, each at least once: downstream recognises one that goes out twice."""

    def __init__(
        self,
        files: Sequence[Path],
        sink: Sink,
        *,
        state: Path,
        clock: Clock,
        name: str = "replay",
        speed: float | None = None,
        fields: Mapping[str, Sequence[str]] | None = None,
        restart: bool = False,
        progress: bool = False,
    ) -> None:
        """`state` is the folder of the checkpoints; `restart` ignores them. `progress` draws a bar on stderr.

        Raises SourceOptionsError for a field that documents do not have, and ReplayError for an unreadable file.
        """
        self.name = name
        self._files = [(path, LineFile(path, max_line_bytes=LARGEST_LINE_BYTES)) for path in files]
        self._sink = sink
        self._state = state
        self._clock = clock
        self._speed = speed
        self._fields = FieldMap(fields)
        self._restart = restart
        self._progress = progress
        self._broker = BrokerWatch(name)

    def run(self, stop: threading.Event) -> None:
        """As a source of the daemon: what is done stays done, however often the daemon starts."""
        report = self._run(stop, again=False)
        _log.info("replay_ended", source=self.name, **msgspec.structs.asdict(report))

    def replay(self, stop: threading.Event) -> ReplayReport:
        """Replays from where the last run was stopped, or from the beginning if it had come to the end.

        Whatever ends it, an interrupt from the keyboard included, leaves a true checkpoint. Raises ReplayError
        when a file is damaged or the broker refuses a line.
        """
        return self._run(stop, again=True)

    def _run(self, stop: threading.Event, *, again: bool) -> ReplayReport:
        tally, started, finished = Tally(), self._clock(), True
        for path, file in self._files:
            checkpoints = CheckpointFile(self._state, file.identity, path.name)
            stored = checkpoints.load()
            if self._restart or (stored.done and again):
                checkpoints.save(0)
            elif stored.done:
                _log.info("replay_already_done", source=self.name, file=path.name, lines=stored.line)
                continue
            finished = self._replay_file(path, file, checkpoints, tally, stop)
            if not finished:
                break
        return ReplayReport(
            **asdict(tally),
            seconds=(self._clock() - started).total_seconds(),
            finished=finished,
        )

    def _replay_file(
        self, path: Path, file: LineFile, checkpoints: CheckpointFile, tally: Tally, stop: threading.Event
    ) -> bool:
        """Goes through a file from its checkpoint to its end; False when stopped before."""
        with Progress(path.name, file, shown=self._progress) as progress:
            return FilePass(
                file,
                LineRecords(self._fields, source=path.name.split(".")[0], clock=self._clock),
                self._sink,
                checkpoints=checkpoints,
                tally=tally,
                pace=Pace(self._speed, self._clock, self._sink),
                progress=progress,
                broker=self._broker,
                clock=self._clock,
                name=self.name,
            ).go(stop)


def build(options: Options, sink: Sink, *, name: str, state: Path, clock: Clock) -> Replay:
    """Makes the source from its options; see `Replay`."""
    files = [Path(file) for file in options.files]
    return Replay(files, sink, state=state, clock=clock, name=name, speed=options.speed, fields=options.fields)
