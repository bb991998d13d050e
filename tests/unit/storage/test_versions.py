"""Which version of a document counts, and what each record of a batch does to the sums."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from book_records import NOON, a_correction, a_document, a_retraction

from storage.versions import FIRST, Course, Known, Version, version_of

STORED = Known(FIRST, NOON, counts=True)
TAKEN_DOWN = Known(version_of(a_retraction("a", 0, revised=5)), NOON, counts=False)


def outcomes(known: Known | None, *records: object) -> list[str]:
    course = Course(known)
    return [course.take(record) for record in records]  # type: ignore[arg-type]


def test_versions_in_ascending_order():
    older, newer = a_correction("a", 0, revised=1), a_correction("a", 0, revised=2)
    in_order = [a_document("a", 0), older, a_retraction("a", 0, revised=1), newer, a_retraction("a", 0, revised=2)]

    versions = [version_of(record) for record in in_order]

    assert versions == sorted(versions)
    assert len(set(versions)) == 5


def test_an_item_that_does_not_say_when_it_was_published_is_one_version_whenever_it_is_crawled():
    first, again = (a_correction("a", 0, minute=minute, flags=("time_replaced",)) for minute in (0, 60))

    assert version_of(first) == version_of(again)


def test_of_two_contents_of_one_time_the_same_one_wins_whichever_came_first():
    one, other = (version_of(a_correction("a", 0, title=title)) for title in ("One", "Other"))

    assert one != other
    assert max(one, other) == max(other, one)


def test_a_version_is_what_its_source_wrote_and_not_what_was_thought_of_it():
    one = a_correction("a", 0)

    assert version_of(one) == version_of(
        a_correction("a", 7, sentiment="positive", model_version="m2", novelty="same", topics=("legal",))
    )
    for written in ({"title": "x"}, {"body": "x"}, {"url": "x"}, {"minute": 3}):
        assert version_of(one) != version_of(a_correction("a", 0, **written))


@pytest.mark.parametrize(
    ("known", "records", "expected"),
    [
        (None, [a_document("a", 0), a_document("a", 1)], ["stored", "repeated"]),
        (None, [a_document("a", 0), a_correction("a", 1)], ["stored", "corrected"]),
        (None, [a_correction("a", 0), a_document("a", 1)], ["stored", "repeated"]),
        (None, [a_correction("a", 0), a_correction("a", 1)], ["stored", "repeated"]),
        (None, [a_correction("a", 0, revised=2), a_correction("a", 1, revised=1)], ["stored", "superseded"]),
        (None, [a_document("a", 0), a_retraction("a", 1)], ["stored", "retracted"]),
        (None, [a_retraction("a", 0), a_document("a", 1)], ["superseded", "repeated"]),
        (None, [a_retraction("a", 0), a_retraction("a", 1)], ["superseded", "repeated"]),
        (None, [a_retraction("a", 0), a_correction("a", 1, revised=2)], ["superseded", "stored"]),
        (STORED, [a_retraction("a", 0), a_retraction("a", 1, revised=2)], ["retracted", "superseded"]),
        (STORED, [a_retraction("a", 0), a_correction("a", 1, revised=2)], ["retracted", "stored"]),
        (STORED, [a_correction("a", 0), a_correction("a", 1, revised=2)], ["corrected", "corrected"]),
        (TAKEN_DOWN, [a_correction("a", 0), a_correction("a", 1, revised=6)], ["superseded", "stored"]),
    ],
)
def test_what_each_record_does(known, records, expected):
    assert outcomes(known, *records) == expected


def test_what_retention_has_dropped_stays_as_it_is():
    """Nobody knows any more what it had added, so nothing can be subtracted."""
    dropped = Known(FIRST, NOON, counts=True, dropped=True)

    assert outcomes(dropped, a_correction("a", 0), a_retraction("a", 1)) == ["superseded", "superseded"]


def test_an_erased_document_takes_no_other_text_but_can_still_be_taken_down():
    erased = Known(FIRST, NOON, counts=True, erased=True)

    assert outcomes(erased, a_document("a", 0), a_correction("a", 1)) == ["repeated", "superseded"]
    assert outcomes(erased, a_correction("a", 0, revised=2), a_retraction("a", 1)) == ["superseded", "retracted"]


def test_any_order_of_the_same_records_ends_in_the_same_version():
    records = [
        a_document("a", 0),
        a_correction("a", 1, title="One"),
        a_correction("a", 2, title="Other"),
        a_retraction("a", 3, revised=1),
        a_correction("a", 4, revised=2),
    ]
    ends = set()
    for order in itertools.permutations(records):
        course = Course(None)
        told = [course.take(record) for record in order]
        assert told.count("stored") - told.count("retracted") == course.counting
        assert told.count("corrected") + told.count("retracted") == len(course.passed)
        ends.add((course.version, course.counting, course.latest))

    assert ends == {(Version(NOON + timedelta(hours=2), False, version_of(records[4]).digest), True, records[4])}
