"""The comparison sees what it is there to see: each kind of damage to the books shows, and books without any do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from book_copy import BookCopy, differing, recounted, scored_alike

AT = datetime(2024, 5, 2, 9, 30, 40, tzinfo=UTC)
MINUTE = AT.replace(second=0)


def document(sentiment: str, score: int, *topics: str) -> tuple[Any, ...]:
    return (AT, "wire", "", "title", "en", sentiment, 0.1, 0.2, 0.7, score, topics, (), "m1")


def books() -> BookCopy:
    """Two documents of one minute, the second a reprint that names a company; trends added up by hand."""
    return BookCopy(
        documents={("a",): document("negative", -500, "legal"), ("b",): document("positive", 300)},
        mentions={("b", "acme"): (AT, "Acme", "negative", -200)},
        novelty={("a",): ("new",), ("b",): ("reprint",)},
        trends={
            ("*", "*", MINUTE, "m1"): (2, 1, 1, 0, 1, 1, -200),
            ("*", "legal", MINUTE, "m1"): (1, 1, 1, 0, 0, 1, -500),
            ("acme", "*", MINUTE, "m1"): (1, 0, 1, 0, 0, 0, -200),
        },
        trends_as_of={},
        alerts={},
        dead={},
    )


def test_what_is_counted_rightly_does_not_differ() -> None:
    kept = books()
    assert recounted(kept) == kept.trends
    assert differing(kept.trends, recounted(kept)) == []


def lose_a_document(kept: BookCopy) -> None:
    del kept.documents[("a",)]


def count_one_twice(kept: BookCopy) -> None:
    kept.trends["*", "*", MINUTE, "m1"] = (3, 2, 2, 0, 1, 2, -700)


def lose_a_mention(kept: BookCopy) -> None:
    kept.mentions.clear()


def lose_a_trend_row(kept: BookCopy) -> None:
    del kept.trends["acme", "*", MINUTE, "m1"]


def invent_a_trend_row(kept: BookCopy) -> None:
    kept.trends["other", "*", MINUTE, "m1"] = (1, 1, 0, 1, 0, 0, 0)


def call_a_reprint_new(kept: BookCopy) -> None:
    kept.novelty[("b",)] = ("new",)


@pytest.mark.parametrize(
    "damage",
    [lose_a_document, count_one_twice, lose_a_mention, lose_a_trend_row, invent_a_trend_row, call_a_reprint_new],
)
def test_damage_shows(damage: Callable[[BookCopy], None]) -> None:
    kept = books()
    damage(kept)
    assert differing(kept.trends, recounted(kept))


def test_a_difference_names_the_row_and_both_sides() -> None:
    assert differing({("a",): (1,)}, {("a",): (2,), ("b",): (3,)}) == [
        "('a',): (1,) here, (2,) there",
        "('b',): None here, (3,) there",
    ]


def test_only_the_last_digit_of_a_score_may_depend_on_the_batch() -> None:
    kept = ("title", 0.25, -500_000, ("legal",))
    assert scored_alike(kept, ("title", 0.25 + 5e-8, -500_001, ("legal",)))
    assert not scored_alike(kept, ("title", 0.2501, -500_000, ("legal",)))
    assert not scored_alike(kept, ("title", 0.25, -500_002, ("legal",)))
    assert not scored_alike(kept, ("other", 0.25, -500_000, ("legal",)))
    assert not scored_alike(kept, ("title", 0.25, -500_000, ()))
