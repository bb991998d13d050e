"""A dead letter crosses the wire and comes out as it went in, whatever its headers held before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.records import DeadLetter, Origin
from stream.dead_records import letter_for, letter_of, origin_headers, origin_of, plain_headers, wire_headers
from stream.errors import DeadReason
from stream.intake import RawRecord

ARRIVED = datetime(2024, 5, 2, 12, 0, 0, 123_000, tzinfo=UTC)
PLACE = Origin(topic="documents.dead", partition=1, offset=77)
RAW = Origin(topic="documents.raw", partition=3, offset=41)

names = st.sampled_from(["content-encoding", "yuqing-reason", "yuqing-offset", "trace"]) | st.text(max_size=8)


@given(
    headers=st.lists(st.tuples(names, st.binary(max_size=8)), max_size=6).map(tuple),
    key=st.none() | st.binary(max_size=20),
    value=st.binary(max_size=50),
    detail=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
def test_a_letter_survives_the_wire(
    headers: tuple[tuple[str, bytes], ...], key: bytes | None, value: bytes, detail: str
) -> None:
    letter = DeadLetter(
        origin=RAW, reason="not_json", detail=detail, key=key, value=value, headers=headers, arrived_at=ARRIVED
    )
    assert letter_of(PLACE, key, value, wire_headers(letter), datetime.now(UTC)) == letter


def test_a_foreign_record_is_kept_as_a_letter_of_its_own_place() -> None:
    letter = letter_of(PLACE, None, b"hello", (("trace", b"1"),), ARRIVED)
    assert letter.origin == PLACE
    assert letter.reason == DeadReason.WRONG_SHAPE
    assert letter.headers == (("trace", b"1"),)
    assert letter.value == b"hello"


def test_a_record_without_value_becomes_a_letter_with_an_empty_one() -> None:
    record = RawRecord(topic="documents.raw", partition=0, offset=1, key=None, value=None, arrived_at=ARRIVED)
    letter = letter_for(record, DeadReason.NOT_JSON, "the record has no value")
    assert letter.value == b""
    assert letter.origin == Origin(topic="documents.raw", partition=0, offset=1)


def test_an_origin_survives_to_the_millisecond() -> None:
    told = origin_of(origin_headers(RAW, ARRIVED + timedelta(microseconds=400)))
    assert told == (RAW, ARRIVED)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("yuqing-topic", b"documents.raw"),),
        (
            ("yuqing-topic", b"documents.raw"),
            ("yuqing-partition", b"three"),
            ("yuqing-offset", b"1"),
            ("yuqing-timestamp-ms", b"0"),
        ),
        (
            ("yuqing-topic", b"documents.raw"),
            ("yuqing-partition", b"3"),
            ("yuqing-offset", b"1"),
            ("yuqing-timestamp-ms", b"9" * 30),
        ),
        (
            ("yuqing-topic", b"documents.raw"),
            ("yuqing-partition", b"3"),
            ("yuqing-offset", b"9223372036854775807"),
            ("yuqing-timestamp-ms", b"0"),
        ),
        (
            ("yuqing-topic", b"documents.raw"),
            ("yuqing-partition", b"2147483648"),
            ("yuqing-offset", b"-1"),
            ("yuqing-timestamp-ms", b"0"),
        ),
        (
            ("yuqing-topic", b"documents\0raw"),
            ("yuqing-partition", b"3"),
            ("yuqing-offset", b"1"),
            ("yuqing-timestamp-ms", b"0"),
        ),
        (
            ("yuqing-topic", b"\xff\xfe"),
            ("yuqing-partition", b"3"),
            ("yuqing-offset", b"1"),
            ("yuqing-timestamp-ms", b"0"),
        ),
    ],
)
def test_headers_that_make_no_sense_tell_no_origin(headers: tuple[tuple[str, bytes], ...]) -> None:
    assert origin_of(headers) is None


def test_headers_of_every_client_become_pairs_of_bytes() -> None:
    assert plain_headers(None) == ()
    assert plain_headers({"a": "text"}) == (("a", b"text"),)
    assert plain_headers([("a", None), ("a", b"1")]) == (("a", b""), ("a", b"1"))
