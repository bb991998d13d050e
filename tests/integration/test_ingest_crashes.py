"""A windows worker dies in each gap between two steps; the broker delivers the batch again; nothing is lost or doubled.

The steps are those that the docstring of storage/ingest.py numbers.
"""

from __future__ import annotations

import pytest
from book_records import NOON, SCORED, SteppingClock, a_document, a_letter, a_mention
from books import LATENESS, an_ingest, differences, expected, ledger, scalar, sums, trend_rows
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from storage import dead_letter_rows, document_rows, ingest, partitions, positions, trend_upsert
from storage import ledger as ledger_module
from storage.ingest import Ingest, ReadTo

BATCH = [a_document(n, n, minute=n, mentions=(a_mention("acme"),), topics=("legal",)) for n in range(5)]
READ = [ReadTo(SCORED, 0, 5)]

GAPS = {
    "before the partitions": (partitions, "ensure_days"),
    "before 1: the lock": (ledger_module, "lock"),
    "before 1: the look into the ledger": (ledger_module, "unaccounted"),
    "before 2": (document_rows, "claim"),
    "before 3": (document_rows, "copy"),
    "before 4": (trend_upsert, "add"),
    "before 5": (trend_upsert, "mark_changed"),
    "before 6: the ledger": (ledger_module, "account"),
    "before 6: the positions": (positions, "move"),
    "before 6: the watermark": (ingest, "advance"),
}


class DeathError(BaseException):
    """Nobody catches this, as nobody catches kill -9."""


def die(*_: object, **__: object) -> None:
    raise DeathError


@pytest.mark.parametrize("gap", GAPS, ids=list(GAPS))
def test_a_batch_that_died_in_a_gap_left_nothing_and_is_counted_when_it_comes_again(database, monkeypatch, gap):
    books = an_ingest(database)
    books.scored(BATCH[:1], [])
    before = trend_rows(database)
    with monkeypatch.context() as patched:
        patched.setattr(*GAPS[gap], die)
        with pytest.raises(DeathError):
            an_ingest(database).scored(BATCH, READ)

    assert trend_rows(database) == before
    assert ledger(database)["documents.raw", 0] == ("{[0,1)}", 1, 0, 0)
    assert scalar(database, "SELECT count(*) FROM positions") == 0

    assert an_ingest(database).scored(BATCH, READ).fresh == 4
    assert sums(trend_rows(database)) == expected(BATCH)
    assert differences(database, {0: 5}) == []


def test_a_batch_that_was_committed_but_not_acknowledged_is_ignored_when_it_comes_again(database: Engine):
    an_ingest(database).scored(BATCH, READ)
    before = trend_rows(database)

    assert an_ingest(database).scored(BATCH, READ).redelivered == 5
    assert trend_rows(database) == before


@pytest.mark.parametrize("gap", [(ledger_module, "lock"), (dead_letter_rows, "insert"), (ledger_module, "account")])
def test_dead_letters_that_died_on_the_way_come_again(database: Engine, monkeypatch, gap):
    with monkeypatch.context() as patched:
        patched.setattr(*gap, die)
        with pytest.raises(DeathError):
            an_ingest(database).dead([a_letter(0)], [])

    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0
    assert an_ingest(database).dead([a_letter(0)], []).dead == 1
    assert differences(database, {0: 1}) == []


def test_a_session_that_the_database_ends_in_mid_transaction_is_one_known_error_and_the_next_call_works(
    database: Engine,
):
    """The clock is looked at between steps 2 and 3: there the server ends every session but its own."""

    def hangman():
        with database.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        return NOON

    with pytest.raises(OperationalError):
        Ingest(database, allowed_lateness=LATENESS, clock=hangman).scored(BATCH, READ)

    assert trend_rows(database) == []
    assert Ingest(database, allowed_lateness=LATENESS, clock=SteppingClock()).scored(BATCH, READ).fresh == 5
    assert differences(database, {0: 5}) == []
