"""One record that cannot be stored does not hold up the stream: it becomes a dead letter, all others are counted."""

from __future__ import annotations

import json
from datetime import timedelta

import psycopg
import pytest
from book_records import RAW, SCORED, a_document, a_mention
from books import an_ingest, differences, expected, ledger, scalar, sums, trend_rows
from sqlalchemy import Engine, text

from storage.dead_letter_rows import find
from storage.ingest import Ingested, ReadTo
from storage.retention import drop_before

POISON = {
    "a null character in the body": {"body": "bad \0 luck"},
    "a null character in a topic": {"topics": ("le\0gal",)},
    "a lone surrogate in the title": {"title": "half \ud83d"},
    "a lone surrogate in a mention": {"mentions": (a_mention("acme\udc00"),)},
    "a score beyond the column": {"score_micro": 2**40},
    "a mention's score beyond the column": {"mentions": (a_mention("acme", "negative", -(2**40)),)},
    "an id longer than an index holds": {"mentions": (a_mention("".join(map(chr, range(0x4E00, 0x4E00 + 5000)))),)},
    "a rule broken": {"novelty": "old"},
}


@pytest.mark.parametrize("fields", POISON.values(), ids=list(POISON))
def test_a_record_that_cannot_be_stored_is_dead_and_the_others_are_counted(database: Engine, fields):
    good = [a_document(n, n, mentions=(a_mention("acme"),)) for n in (0, 1, 3, 4, 5)]
    batch = [*good[:2], a_document("bad", 2, **fields), *good[2:]]

    result = an_ingest(database).scored(batch, [ReadTo(SCORED, 0, 6)])

    assert (result.fresh, result.dead) == (5, 1)
    assert sums(trend_rows(database)) == expected(good)
    assert ledger(database) == {(RAW, 0): ("{[0,6)}", 5, 0, 1)}
    assert scalar(database, "SELECT next_offset FROM positions") == 6
    assert differences(database, {0: 6}) == []
    with database.connect() as connection:
        [stored] = find(connection)
    assert stored.letter.origin.offset == 2
    assert stored.letter.reason == "unscorable"
    assert stored.letter.detail
    assert json.loads(stored.letter.value)["document_id"] == str(batch[2].document_id)


def test_a_poisoned_batch_that_comes_again_changes_nothing(database: Engine):
    batch = [a_document("a", 0), a_document("bad", 1, body="\0"), a_document("b", 2)]
    an_ingest(database).scored(batch, [])
    before = trend_rows(database), ledger(database)

    assert an_ingest(database).scored(batch, []).redelivered == 3
    assert (trend_rows(database), ledger(database)) == before


def test_a_batch_of_nothing_but_poison_is_all_dead(database: Engine):
    result = an_ingest(database).scored([a_document(n, n, title="\0") for n in range(4)], [ReadTo(SCORED, 0, 4)])

    assert result == Ingested(dead=4)
    assert differences(database, {0: 4}) == []
    assert scalar(database, "SELECT next_offset FROM positions") == 4, "the last letter moves it"


def test_a_day_that_retention_dropped_behind_our_back_is_made_again_not_blamed_on_the_record(database: Engine):
    ingest = an_ingest(database)
    ingest.scored([a_document("a", 0)], [])
    drop_before(database, (a_document("a", 0).published_at + timedelta(days=1)).date())

    result = ingest.scored([a_document("b", 1)], [])

    assert (result.fresh, result.dead) == (1, 0)
    assert differences(database, {0: 2}) == []


def test_the_column_that_refuses_a_record_is_named(database: Engine):
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE documents ADD COLUMN checked text NOT NULL"))

    an_ingest(database).scored([a_document("a", 0)], [])

    detail = scalar(database, "SELECT detail FROM dead_letters")
    assert str(detail).startswith("PostgreSQL refuses it: NotNullViolation (23502) documents")
    assert str(detail).endswith(".checked")


def test_a_broken_schema_is_nobodys_poison(database: Engine):
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE finality RENAME TO elsewhere"))

    with pytest.raises(psycopg.errors.UndefinedTable, match="finality"):
        an_ingest(database).scored([a_document("a", 0)], [])

    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0
