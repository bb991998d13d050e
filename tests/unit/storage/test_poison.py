"""One refused record in a batch: it is found by halving, booked as dead, and everything else is written once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from book_records import SCORED, a_document
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from storage.errors import UnstorableError
from storage.ingest import ReadTo
from storage.poison import buried, isolate, why_refused

READ = [ReadTo(SCORED, 0, 99)]


class Books:
    """Writes batches without a database; refuses those that hold one of `bad`."""

    def __init__(self, bad: set[int], error: Exception) -> None:
        self.bad = bad
        self.error = error
        self.written: list[int] = []
        self.dead: list[int] = []
        self.positions: list[int] = []
        self.tries = 0

    def write(self, batch, read):
        self.tries += 1
        if any(document.origin.offset in self.bad for document in batch):
            raise self.error
        self.written += [document.origin.offset for document in batch]
        self._moved(read)
        return "written"

    def bury(self, document, detail, read):
        self.dead.append(document.origin.offset)
        self._moved(read)
        return detail

    def _moved(self, read):
        if read:
            self.positions.append(len(self.written) + len(self.dead))


def batch_of(count: int):
    return [a_document(offset, offset) for offset in range(count)]


@given(st.integers(1, 64).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_bad_records_are_buried_good_ones_written_once_and_positions_move_when_all_is_done(case):
    count, bad = case
    books = Books(bad, psycopg.DataError("refused"))

    isolate(books.write, books.bury, batch_of(count), READ)

    assert books.dead == sorted(bad)
    assert books.written == [offset for offset in range(count) if offset not in bad]
    assert books.positions == [count]


def test_one_bad_record_among_a_thousand_costs_a_few_dozen_tries():
    books = Books({617}, psycopg.DataError("refused"))

    isolate(books.write, books.bury, batch_of(1000), READ)

    assert books.tries <= 4 * 10


def test_an_operator_can_see_that_a_batch_is_searched():
    books = Books({2}, psycopg.DataError("refused"))

    with capture_logs() as logs:
        isolate(books.write, books.bury, batch_of(4), READ)

    assert [(one["event"], one["log_level"], one["documents"]) for one in logs] == [
        ("batch_halved", "info", 4),
        ("batch_halved", "info", 2),
    ]


def test_a_refusal_that_passes_is_no_refusal():
    books = Books({0}, psycopg.errors.CheckViolation("no partition of relation found for row"))

    def retention_was_just_there(batch, read):
        try:
            return books.write(batch, read)
        finally:
            books.bad = set()

    isolate(retention_was_just_there, books.bury, batch_of(3), READ)

    assert books.dead == []
    assert books.written == [0, 1, 2]


@pytest.mark.parametrize("error", [psycopg.OperationalError("away"), psycopg.errors.UndefinedTable("documents")])
def test_what_is_not_about_a_record_passes_through(error):
    books = Books({1}, error)

    with pytest.raises(type(error)):
        isolate(books.write, books.bury, batch_of(4), READ)

    assert books.tries == 1
    assert books.dead == []


def test_an_empty_batch_that_is_refused_is_no_reason_to_go_on():
    def write(batch, read):
        raise psycopg.DataError("positions are broken")

    with pytest.raises(psycopg.DataError):
        isolate(write, Books(set(), ValueError()).bury, [], READ)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnstorableError("novelty is none of new"), "novelty is none of new"),
        (
            UnicodeEncodeError("utf-8", "secret \ud800", 7, 8, "surrogates not allowed"),
            "a text holds a lone surrogate, which is no character",
        ),
        (
            psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
            "a text holds a null character, which PostgreSQL cannot store",
        ),
        (psycopg.DataError("secret"), "PostgreSQL refuses it: DataError"),
        (
            psycopg.errors.NumericValueOutOfRange("value secret is out of range"),
            "PostgreSQL refuses it: NumericValueOutOfRange (22003)",
        ),
    ],
)
def test_the_reason_is_told_without_any_text_of_the_document(error, told):
    assert why_refused(error) == told


@pytest.mark.parametrize(
    ("arrived_at", "kept"),
    [
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-23))), datetime(2200, 1, 1, tzinfo=UTC)),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), datetime(1900, 1, 1, tzinfo=UTC)),
        (datetime(2024, 5, 6), datetime(2024, 5, 6, tzinfo=UTC)),  # noqa: DTZ001 - the point of it
        (datetime(2024, 5, 6, tzinfo=UTC), datetime(2024, 5, 6, tzinfo=UTC)),
        (datetime(2024, 5, 6, 8, tzinfo=timezone(timedelta(hours=8))), datetime(2024, 5, 6, tzinfo=UTC)),
    ],
)
def test_a_buried_document_has_an_arrival_that_can_be_read_back(arrived_at: datetime, kept: datetime):
    """PostgreSQL would take the first two, and give them to nobody: they lie beyond the years that Python has."""
    assert buried(a_document("when", 7, arrived_at=arrived_at), "detail").arrived_at == kept


def test_a_buried_document_keeps_all_it_was_as_json_that_anything_can_read():
    document = a_document("half", 7, body="half a pair \ud83d and a null \0")

    letter = buried(document, "detail")

    assert letter.origin == document.origin
    assert (letter.reason, letter.detail) == ("unscorable", "detail")
    assert letter.key == str(document.document_id).encode()
    assert letter.headers == (("yuqing-stage", b"scored"),)
    assert letter.arrived_at == document.arrived_at
    assert json.loads(letter.value)["body"] == document.body
