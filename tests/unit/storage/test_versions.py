"""Which version of a document counts, record by record: the latest, whatever the order in which they come."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest
from book_records import NOON, a_correction, a_document, a_retraction

from storage.records import Retraction, ScoredDocument
from storage.versions import FIRST, Course, Known, Version, is_revision, version_of

FIRST_COME = a_document("a", 0)
CORRECTED = a_correction("a", 1, title="A comma, mended")
CORRECTED_AGAIN = a_correction("a", 2, revised=2, title="Two commas, mended")
TAKEN_DOWN = a_retraction("a", 3, revised=3)

Record = ScoredDocument | Retraction


def course(*records: Record, known: Known | None = None) -> tuple[Course, list[str]]:
    one = Course(known)
    return one, [one.take(record) for record in records]


def known(record: Record = FIRST_COME, **fields: bool) -> Known:
    return Known(version_of(record), NOON, **({"counts": True} | fields))


def test_a_record_is_a_revision_if_its_source_says_when_it_was_revised() -> None:
    assert [is_revision(one) for one in (FIRST_COME, CORRECTED, TAKEN_DOWN)] == [False, True, True]


def test_versions_compare_by_time_then_takedown_then_content() -> None:
    at = CORRECTED.revised_at
    same_time = a_retraction("a", 9)
    assert version_of(FIRST_COME) is FIRST
    assert version_of(FIRST_COME) < version_of(CORRECTED) < version_of(same_time) < version_of(CORRECTED_AGAIN)
    assert version_of(same_time) == Version(at, True, FIRST.digest)
    assert (version_of(CORRECTED).revised_at, version_of(CORRECTED).retracted) == (at, False)


@pytest.mark.parametrize("field", ["title", "body", "url", "published_at"])
def test_the_digest_is_of_what_the_source_wrote(field: str) -> None:
    other = {"published_at": CORRECTED.published_at + timedelta(minutes=1)}.get(field, "something else")
    assert version_of(msgspec.structs.replace(CORRECTED, **{field: other})) != version_of(CORRECTED)


def test_a_later_model_or_story_index_makes_no_other_version() -> None:
    scored_anew = msgspec.structs.replace(
        CORRECTED, model_version="m2", sentiment="positive", score_micro=5, novelty="same"
    )
    assert version_of(scored_anew) == version_of(CORRECTED)


def test_where_a_text_ends_and_the_next_begins_matters() -> None:
    one, other = (a_correction("a", 1, title=title, body=body) for title, body in (("ab", "c"), ("a", "bc")))
    assert version_of(one) != version_of(other)


def test_half_an_emoji_has_a_digest_too() -> None:
    assert version_of(a_correction("a", 1, title="\ud83d")) != version_of(a_correction("a", 1, title="\ud83e"))


def test_a_document_that_nobody_knew_is_stored_and_its_like_repeats_it() -> None:
    one, outcomes = course(FIRST_COME, a_document("a", 9))
    assert outcomes == ["stored", "repeated"]
    assert (one.latest, one.counting, one.passed, one.takes_out_stored) == (FIRST_COME, True, [], False)
    assert one.version is FIRST


def test_a_correction_replaces_and_a_takedown_takes_out() -> None:
    one, outcomes = course(FIRST_COME, CORRECTED, CORRECTED, TAKEN_DOWN, CORRECTED_AGAIN, FIRST_COME)
    assert outcomes == ["stored", "corrected", "repeated", "retracted", "superseded", "repeated"]
    assert (one.latest, one.counting) == (None, False)
    assert one.passed == [FIRST_COME, CORRECTED]
    assert one.version == version_of(TAKEN_DOWN)


def test_what_was_known_before_is_taken_out_once() -> None:
    one, outcomes = course(CORRECTED, CORRECTED_AGAIN, known=known())
    assert outcomes == ["corrected", "corrected"]
    assert (one.takes_out_stored, one.latest, one.passed) == (True, CORRECTED_AGAIN, [CORRECTED])

    one, outcomes = course(TAKEN_DOWN, known=known())
    assert (outcomes, one.takes_out_stored, one.latest, one.counting) == (["retracted"], True, None, False)


def test_a_takedown_of_what_does_not_count_changes_nothing_and_keeps_older_versions_out() -> None:
    one, outcomes = course(TAKEN_DOWN, CORRECTED)
    assert outcomes == ["superseded", "superseded"]
    assert (one.latest, one.counting, one.takes_out_stored, one.version) == (None, False, False, version_of(TAKEN_DOWN))

    one, outcomes = course(a_retraction("a", 5, revised=4), known=known(TAKEN_DOWN, counts=False))
    assert (outcomes, one.takes_out_stored) == (["superseded"], False)


def test_a_version_after_a_takedown_is_stored_again() -> None:
    back = a_correction("a", 6, revised=9)
    one, outcomes = course(back, known=known(TAKEN_DOWN, counts=False))
    assert (outcomes, one.latest, one.counting, one.takes_out_stored) == (["stored"], back, True, False)


def test_what_is_known_and_comes_again_moves_nothing() -> None:
    one, outcomes = course(FIRST_COME, CORRECTED, known=known(CORRECTED))
    assert outcomes == ["repeated", "repeated"]
    assert (one.latest, one.takes_out_stored, one.counting) == (None, False, True)


def test_nothing_can_be_taken_out_of_what_retention_has_dropped() -> None:
    one, outcomes = course(CORRECTED, TAKEN_DOWN, known=known(dropped=True))
    assert outcomes == ["superseded", "superseded"]
    assert (one.takes_out_stored, one.version) == (False, FIRST)


def test_erased_text_never_comes_back_though_a_takedown_still_counts() -> None:
    one, outcomes = course(CORRECTED, TAKEN_DOWN, known=known(erased=True))
    assert outcomes == ["superseded", "retracted"]
    assert (one.latest, one.takes_out_stored) == (None, True)


def test_every_order_of_arrival_ends_in_the_same_version() -> None:
    every = (FIRST_COME, CORRECTED, CORRECTED_AGAIN, a_correction("a", 4, revised=2, title="Another second version"))
    ends = {course(*order)[0].latest.title for order in permutations(every)}  # type: ignore[union-attr]
    assert len(ends) == 1
    assert ends == {max(every[2:], key=version_of).title}
