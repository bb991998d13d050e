"""One pass through a file from its checkpoint: publish, count what is acknowledged, keep the checkpoint true."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta

import structlog

from stream.publisher import PublishError, QueueFullError
from stream.sources.acknowledgement import BrokerWatch
from stream.sources.checkpoints import AcknowledgedPrefix, CheckpointFile
from stream.sources.errors import ReplayError
from stream.sources.line_records import LineRecords, Outgoing
from stream.sources.lines import Line, LineFile
from stream.sources.metrics import DOCUMENTS
from stream.sources.pace import Pace
from stream.sources.progress import Progress
from stream.sources.source import Clock, Sink
from stream.times import read_time

__all__ = ["FilePass", "Tally"]

_log = structlog.get_logger()

_OPEN_LINES = 10_000
"""Lines on their way at most: half of the producer's queue, so that publishing does not block and a stop is heard."""
_SAVE_EVERY = 5_000
_LAST_FLUSH_S = 10.0
_SILENCE = timedelta(seconds=10)


@dataclass
class Tally:
    """What has been counted so far; see `ReplayReport`."""

    items: int = 0
    published: int = 0
    skipped: int = 0
    bad_lines: int = 0


class FilePass:
    """Publishes the lines after the checkpoint, in order."""

    def __init__(
        self,
        file: LineFile,
        records: LineRecords,
        sink: Sink,
        *,
        checkpoints: CheckpointFile,
        tally: Tally,
        pace: Pace,
        progress: Progress,
        broker: BrokerWatch,
        clock: Clock,
        name: str,
    ) -> None:
        self._file = file
        self._records = records
        self._sink = sink
        self._checkpoints = checkpoints
        self._tally = tally
        self._pace = pace
        self._progress = progress
        self._broker = broker
        self._clock = clock
        self._name = name
        self._published = DOCUMENTS.labels(source=name)
        self._prefix = AcknowledgedPrefix(checkpoints.load().line)
        self._saved = self._prefix.line

    def go(self, stop: threading.Event) -> bool:
        """True when the whole file is acknowledged, False when `stop` came first.

        The checkpoint is true however this ends, an interrupt included. Raises ReplayError where the file is
        damaged or the broker refuses a line.
        """
        ended = False
        try:
            ended = self._publish_all(stop) and self._make_room(stop, leave=0)
        finally:
            unknown = 0 if ended else self._sink.flush(_LAST_FLUSH_S)
            self._count()
            self._checkpoints.save(self._prefix.line, done=ended)
            if unknown:
                _log.warning(
                    "replay_left_unacknowledged", source=self._name, lines=unknown, from_line=self._prefix.line
                )
        return ended

    def _publish_all(self, stop: threading.Event) -> bool:
        resumed_after = self._prefix.line
        for line in self._file.lines():
            if line.number <= resumed_after:
                self._tally.skipped += 1
                continue
            outgoing = self._records.record(line)
            if self._pace.matters:
                self._pace.wait(read_time(outgoing.published_at), stop)
            if not self._make_room(stop, leave=_OPEN_LINES) or not self._queue(line, outgoing, stop):
                return False
            self._tally.items += 1
            self._tally.bad_lines += outgoing.bad
            self._progress.advance(outgoing.published_at)
        return True

    def _queue(self, line: Line, outgoing: Outgoing, stop: threading.Event) -> bool:
        """Queues a record, for as long as the broker has no room; False when `stop` came first."""
        pending = self._prefix.track(line.number)
        while not stop.is_set():
            try:
                self._sink.publish_record(outgoing.key, outgoing.value, headers=outgoing.headers, on_ack=pending.settle)
            except QueueFullError as error:
                self._broker.lost(error)
            except PublishError as error:
                self._prefix.forget(pending)
                raise ReplayError(f"line {line.number} is refused: {error}") from error
            else:
                return True
        self._prefix.forget(pending)
        return False

    def _make_room(self, stop: threading.Event, *, leave: int) -> bool:
        """Waits until at most `leave` lines are on their way; False when `stop` came first."""
        self._advance()
        heard = None
        while self._prefix.open > leave and not stop.is_set():
            heard = heard or self._clock()
            self._sink.poll(0.1)
            if self._advance():
                heard = self._clock()
            elif self._clock() - heard > _SILENCE:
                self._broker.lost(PublishError(f"no acknowledgement for {_SILENCE.seconds} s"))
        return self._prefix.open <= leave

    def _advance(self) -> int:
        moved = self._count()
        if self._prefix.failure is not None:
            raise ReplayError(f"line {self._prefix.line + 1} or soon after is refused: {self._prefix.failure}")
        return moved

    def _count(self) -> int:
        """Moves over what is acknowledged, and notes it now and then."""
        moved = self._prefix.advance()
        if moved:
            self._broker.back()
            self._tally.published += moved
            self._published.inc(moved)
            if self._prefix.line - self._saved >= _SAVE_EVERY:
                self._checkpoints.save(self._prefix.line)
                self._saved = self._prefix.line
        return moved
