"""What of a correction wakes the alert engine: only what became more."""

from __future__ import annotations

import pytest
from book_records import NOON

from storage.trend_rows import TrendRow
from storage.trend_upsert import grown

KEY = ("acme", "*", NOON, "m1")
ROW = TrendRow(*KEY, 3, 2, 1, 1, 1, 1, -5, 4, NOON, False)


@pytest.mark.parametrize(
    ("documents", "stories", "negative", "negative_stories", "wakes"),
    [
        (1, 0, 0, 0, True),
        (0, 0, 1, 0, True),
        (0, 0, 0, 1, True),
        (2, 0, -1, -1, True),
        (0, 0, 0, 0, False),
        (0, 1, 0, 0, False),
        (-1, 1, -1, -1, False),
        (-1, -1, -1, 0, False),
    ],
)
def test_a_bucket_is_judged_again_if_documents_or_bad_news_became_more(
    documents: int, stories: int, negative: int, negative_stories: int, wakes: bool
) -> None:
    amounts = [(KEY, (documents, stories, negative, 0, 0, negative_stories, 0))]
    assert grown([ROW], amounts) == ([ROW] if wakes else [])


@pytest.mark.parametrize("place", range(4))
def test_a_row_is_told_apart_by_all_of_its_key(place: int) -> None:
    other = list(KEY)
    other[place] = NOON.replace(year=2020) if place == 2 else "other"
    assert grown([ROW], [(tuple(other), (1, 1, 1, 0, 0, 1, 0))]) == []
