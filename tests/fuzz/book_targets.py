"""What stands between the stages: records of our topics, rows in Redis, evidence kept with alerts.

Anybody who may write to a topic can write what is no record of ours, so the windows stage takes whatever is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
from target import ARRIVED, Target, headers_of, lines_of, parted, promise, storable_text, storable_time

from alerts.detection.evidence import from_json, web_address
from storage.dead_letter_rows import printable
from storage.errors import UnstorableError
from storage.hot_windows import _row as read_row
from storage.poison import buried
from storage.records import DeadLetter, Mention, Origin, Retraction, ScoredDocument
from storage.rules import check
from storage.trend_rows import TrendRow
from stream.bookkeeping import Bookkeeping
from stream.dead_records import origin_headers, wire_headers
from stream.documents import encode

__all__ = ["BOOKS"]

_DOCUMENT = ScoredDocument(
    document_id=UUID(int=7),
    origin=Origin(topic="documents.raw", partition=3, offset=41),
    source="wire",
    title="Down",
    body="A bank fell.",
    language="en",
    published_at=ARRIVED - timedelta(minutes=2),
    arrived_at=ARRIVED,
    story_id=UUID(int=7),
    novelty="new",
    sentiment="negative",
    negative=0.8,
    neutral=0.15,
    positive=0.05,
    score_micro=-750_000,
    topics=("legal",),
    mentions=(Mention(entity_id="acme", surface="Acme", sentiment="negative", score_micro=-1),),
    model_version="m1",
)
_LETTER = DeadLetter(
    origin=_DOCUMENT.origin, reason="not_json", detail="no JSON", key=b"k", value=b"{", headers=(), arrived_at=ARRIVED
)


@dataclass(frozen=True)
class _Record:
    """A record of our topics as aiokafka gives it."""

    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int = int(ARRIVED.timestamp() * 1000)
    key: bytes | None = None
    topic: str = "documents.scored"
    partition: int = 3
    offset: int = 77


def _record(data: bytes) -> _Record:
    value, headers, timestamp = parted(data, 3)
    number = timestamp.strip()
    known = number.removeprefix(b"-").isdigit() and len(number) < 19
    return _Record(value or None, headers_of(headers), int(number) if known else _Record.timestamp)


_reading = Bookkeeping.__new__(Bookkeeping)  # read_scored and read_dead use nothing of it


def _scored(data: bytes) -> None:
    """Whatever the record: a document that keeps the rules, or a dead letter that can be stored."""
    [entry] = _reading.read_scored([_record(data)])
    outcome = entry.outcome
    if isinstance(outcome, ScoredDocument | Retraction):
        try:
            check(outcome)
        except UnstorableError as error:
            outcome = buried(outcome, error.detail)
    _storable(outcome)


def _dead(data: bytes) -> None:
    [entry] = _reading.read_dead([_record(data)])
    _storable(entry.outcome)


def _storable(outcome: ScoredDocument | Retraction | DeadLetter) -> None:
    """The ledger takes its origin, the tables its time and, as `printable` writes them, its texts."""
    place = outcome.origin
    promise(0 <= place.partition < 2**31 and 0 <= place.offset < 2**63 - 1, "a place that a log has")
    promise(storable_text([place.topic]), "a topic that PostgreSQL takes")
    promise(storable_time(outcome.arrived_at), "a time that the books hold")
    if isinstance(outcome, DeadLetter):
        promise(storable_text(map(printable, (outcome.reason, outcome.detail))), "printable words")


def _hot_row(data: bytes) -> None:
    """A row, or nothing where it is none."""
    row = read_row(data)
    promise(row is None or row.bucket >= ARRIVED or row.bucket < ARRIVED, "a time that can be compared")


def _evidence(data: bytes) -> None:
    try:
        stored = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for document in from_json(stored).documents:
        promise(web_address(document.url) in ("", document.url), "an address, or none")


_ROW = TrendRow("acme", "*", ARRIVED, "m1", 3, 2, 1, 1, 1, 1, -5, 4, ARRIVED, False)
_EVIDENCE = (
    b'{"peak":{"bucket":29540000,"since":29539990,"observed_documents":9,"severity":"warning"},'
    b'"since":"2026-03-02T11:00:00Z","baseline_per_day":0.5,"documents":[{"document_id":"00000000-0000-0000-0000-0000000000'
    b'07","title":"Down","url":"https://w.example/1","source":"wire","published_at":"2026-03-02T11:00:00Z","score":-0.7,"nov'
    b'elty":"new"}]}'
)
_NAMES = tuple(name.encode() + b": " for name, _ in wire_headers(_LETTER))
_TAKEDOWN = Retraction(
    document_id=UUID(int=7), origin=_LETTER.origin, published_at=ARRIVED, arrived_at=ARRIVED, revised_at=ARRIVED
)
_SCORED = tuple(encode(one) + lines_of(origin_headers(one.origin, ARRIVED)) for one in (_DOCUMENT, _TAKEDOWN))
_WORDS = (*_NAMES, b"\x1e\x1e", b"\x1e\x1e-1", b"9" * 18)

BOOKS = (
    Target("scored_records", _scored, _SCORED, (*_WORDS, b'"type":"retraction",', b'"revised_at":')),
    Target("dead_records", _dead, (b"{" + lines_of(wire_headers(_LETTER)), b"hello\x1e\x1etrace: 1"), _WORDS),
    Target("hot_rows", _hot_row, (b"4|" + msgspec.json.encode(_ROW),), (b"|",)),
    Target("evidence", _evidence, (_EVIDENCE,), (), (msgspec.ValidationError,)),
)
