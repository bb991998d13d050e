"""A record of documents.scored is read back whole, or becomes a dead letter that keeps the books right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord

from storage.records import DeadLetter, Origin, Retraction, ScoredDocument
from stream.dead_records import Headers, origin_headers
from stream.documents import encode
from stream.errors import DeadReason
from stream.scored_records import read_scored

PLACE = Origin(topic="documents.scored", partition=2, offset=9)
RAW = Origin(topic="documents.raw", partition=2, offset=5)
ARRIVED = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)

DOCUMENT = ScoredDocument(
    document_id=uuid4(),
    origin=RAW,
    source="wire",
    language="en",
    published_at=ARRIVED,
    arrived_at=ARRIVED,
    story_id=uuid4(),
    novelty="new",
    sentiment="negative",
    negative=0.9,
    neutral=0.06,
    positive=0.04,
    score_micro=-860_000,
    model_version="m1",
)


def record(value: bytes | None, key: bytes | None = b"k", headers: Headers = ()) -> Any:
    """A record at PLACE, as aiokafka gives it."""
    stamp = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)
    return ConsumerRecord(PLACE.topic, PLACE.partition, PLACE.offset, stamp, 0, key, value, None, 0, 0, headers)


def test_a_scored_document_is_read_back() -> None:
    assert read_scored(record(encode(DOCUMENT))) == DOCUMENT


def test_a_correction_and_a_takedown_are_read_back() -> None:
    correction = msgspec.structs.replace(DOCUMENT, revised_at=ARRIVED)
    takedown = Retraction(document_id=uuid4(), origin=RAW, published_at=ARRIVED, arrived_at=ARRIVED, revised_at=ARRIVED)

    assert read_scored(record(encode(correction))) == correction
    assert read_scored(record(encode(takedown))) == takedown


def test_a_broken_document_is_never_read_as_a_takedown() -> None:
    correction = msgspec.to_builtins(msgspec.structs.replace(DOCUMENT, revised_at=ARRIVED))
    del correction["sentiment"]

    letter = read_scored(record(msgspec.json.encode(correction), headers=origin_headers(RAW, ARRIVED)))

    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.origin) == (DeadReason.CORRUPT_SCORED, RAW)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        encode(DOCUMENT)[:-1],
        b'{"more":' * 100_000,
        encode(DOCUMENT).replace(b"negative", b"hostile", 1),
        msgspec.json.encode({**msgspec.to_builtins(DOCUMENT), "published_at": "2024-05-02T12:00:00"}),
    ],
)
def test_a_corrupt_one_is_the_dead_letter_of_its_raw_record(value: bytes | None) -> None:
    headers = origin_headers(RAW, ARRIVED)
    letter = read_scored(record(value, headers=headers))
    assert isinstance(letter, DeadLetter)
    assert letter.origin == RAW
    assert letter.arrived_at == ARRIVED
    assert letter.reason == DeadReason.CORRUPT_SCORED
    assert letter.value == (value or b"")
    assert "documents.scored/2 at 9" in letter.detail


def test_a_corrupt_one_that_names_no_raw_record_is_a_letter_of_its_own_place() -> None:
    letter = read_scored(record(b"?", key=None))
    assert isinstance(letter, DeadLetter)
    assert letter.origin == PLACE
    assert letter.arrived_at == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "place",
    [
        {"partition": 2**31},
        {"partition": -1},
        {"offset": 2**63 - 1},
        {"offset": -1},
        {"topic": ""},
        {"topic": "a\0b"},
        {"topic": "a" * 250},
    ],
)
def test_a_place_that_no_log_has_is_corrupt_and_never_reaches_the_ledger(place: dict[str, Any]) -> None:
    """The ledger would refuse it at every try, and everything behind it would wait."""
    plain = msgspec.to_builtins(DOCUMENT)
    letter = read_scored(record(msgspec.json.encode({**plain, "origin": {**plain["origin"], **place}})))
    assert isinstance(letter, DeadLetter)
    assert letter.origin == PLACE
