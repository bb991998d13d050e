"""A file of documents as the windows stage would get them: scored records as they are, raw ones scored first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from storage.records import Retraction, ScoredDocument
from stream.documents import decode_scored
from stream.intake import Intake, RawRecord, Read
from stream.novelty import StoryIndex, StoryItem
from stream.scored_documents import questions, scored_document
from stream.sources.fields import FieldMap
from stream.sources.line_records import LARGEST_LINE_BYTES, LineRecords
from stream.sources.lines import Line, LineFile
from stream.sources.progress import Progress

if TYPE_CHECKING:
    from model.classifier import Classifier

__all__ = ["DocumentStream", "RawScoring"]

Record = ScoredDocument | Retraction

_LINES_AT_ONCE: Final = 500
_REPLACED: Final = "time_replaced"
_KEYS: Final = (b'"origin"', b'"arrived_at"')
"""Fields that scored documents and takedowns on documents.scored have and no raw document has."""


@dataclass(frozen=True)
class RawScoring:
    """What raw documents are read, placed in stories and scored with."""

    intake: Intake
    stories: StoryIndex
    classifier: Classifier

    def scored(self, raw: Sequence[RawRecord]) -> list[Record | Exception]:
        """Each record scored, or why it could not be; one without a believable time is Unreadable too."""
        found = [_timed(one) for one in self.intake.read_all(raw)]
        read = [one for one in found if isinstance(one, Read)]
        places = self.stories.place(
            [StoryItem(document_id=one.document_id, text=one.text, published_at=one.published_at) for one in read]
        )
        asked = [(one.text, toward) for one in read for toward in (None, *questions(one))]
        answers = iter(self.classifier.predict([text for text, _ in asked], toward=[toward for _, toward in asked]))
        made = iter(
            [
                scored_document(one, place, [next(answers) for _ in range(1 + len(questions(one)))], self.version)
                for one, place in zip(read, places, strict=True)
            ]
        )
        return [next(made) if isinstance(one, Read) else one for one in found]

    @property
    def version(self) -> str:
        """The model's."""
        return self.classifier.version


@dataclass
class DocumentStream:
    """The records of a file in their order; JSON lines, plain or gzip. `raw` is asked for at the first raw document.

    `unreadable` holds, of each line that gave no record, its number and why.
    """

    path: Path
    raw: Callable[[], RawScoring]
    clock: Callable[[], datetime]
    unreadable: list[tuple[int, str]] = field(default_factory=list)

    def batches(self) -> Iterator[list[Record]]:
        """Draws a bar on stderr. Raises ReplayError for a file that cannot be read or is damaged."""
        file = LineFile(self.path, max_line_bytes=LARGEST_LINE_BYTES)
        with Progress(self.path.name, file, shown=True) as progress:
            lines = file.lines()
            while some := list(islice(lines, _LINES_AT_ONCE)):
                batch = self._records(some)
                for one in batch:
                    progress.advance(one.published_at.isoformat())
                yield batch

    def _records(self, lines: Sequence[Line]) -> list[Record]:
        found: dict[int, Record | Exception] = {}
        waiting: list[RawRecord] = []
        to_raw = LineRecords(FieldMap(), source=self.path.name.split(".")[0], clock=self.clock)
        for line in lines:
            scored = _scored(line)
            if scored is not None:
                found[line.number] = scored
                continue
            out = to_raw.record(line)
            waiting.append(
                RawRecord(
                    topic="backtest",
                    partition=0,
                    offset=line.number,
                    key=out.key,
                    value=out.value,
                    headers=out.headers,
                    arrived_at=self.clock(),
                )
            )
        if waiting:
            for record, one in zip(waiting, self.raw().scored(waiting), strict=True):
                found[record.offset] = one
        for number, one in sorted(found.items()):
            if isinstance(one, Exception):
                self.unreadable.append((number, str(one)))
        return [one for _, one in sorted(found.items()) if not isinstance(one, Exception)]


def _scored(line: Line) -> Record | Exception | None:
    """The record of a line as documents.scored has it; None where it is no such line and should be a raw document."""
    if not all(key in line.content for key in _KEYS):
        return None
    try:
        return decode_scored(line.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return error


def _timed(one: Read | Retraction | Exception) -> Read | Retraction | Exception:
    """Without a time of its own a document would count as published now, and all others as far too late."""
    if isinstance(one, Read) and _REPLACED in one.flags:
        return ValueError("no believable time of publication")
    return one
