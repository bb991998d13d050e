"""Which scored documents the books refuse, and that the refusal names the field."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from book_records import a_document, a_letter, a_mention

from storage.dead_letter_rows import printable
from storage.errors import UnstorableError
from storage.records import Origin
from storage.rules import check

GOOD = a_document("good", 0, topics=("legal",), mentions=(a_mention("acme"),))


def test_what_intake_makes_is_accepted():
    check(GOOD)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"published_at": datetime(2024, 5, 6)}, "published_at has no zone"),  # noqa: DTZ001 - the point of it
        ({"arrived_at": datetime(2024, 5, 6)}, "arrived_at has no zone"),  # noqa: DTZ001
        ({"published_at": datetime(3000, 1, 1, tzinfo=UTC)}, "published_at lies outside"),
        ({"published_at": datetime(1, 1, 1, tzinfo=UTC)}, "published_at lies outside"),
        ({"novelty": "old"}, "novelty"),
        ({"sentiment": "sad"}, "sentiment"),
        ({"topics": ("*",)}, "topics"),
        ({"topics": ("",)}, "topics"),
        ({"mentions": (a_mention("*"),)}, "mention"),
        ({"mentions": (a_mention(""),)}, "mention"),
        ({"mentions": (a_mention("acme", "sad"),)}, "mention"),
        ({"score_micro": 2**31}, "score_micro"),
        ({"mentions": (a_mention("acme", "negative", -(2**31) - 1),)}, "mention's score_micro"),
        ({"origin": Origin(topic="documents.raw", partition=0, offset=-1)}, "origin"),
    ],
)
def test_a_document_that_would_break_a_sum_is_refused_by_field(change, field):
    with pytest.raises(UnstorableError, match=field.replace("*", r"\*")):
        check(msgspec.structs.replace(GOOD, **change))


def test_what_postgresql_cannot_hold_is_written_out_in_the_detail_of_a_dead_letter():
    letter = a_letter(0, detail="byte \0 and half \ud83d 价格")

    assert printable(letter.detail) == r"byte \x00 and half \ud83d 价格"
