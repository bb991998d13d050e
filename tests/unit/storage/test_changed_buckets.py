"""What of a correction wakes the alert engine: what became more or says something else; not what only became less."""

from __future__ import annotations

from typing import Any

import pytest
from book_records import NOON, a_correction, a_document, a_mention

from storage.trend_rows import TrendRow
from storage.trend_sums import balance
from storage.trend_upsert import grown, reworded

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


@pytest.mark.parametrize(
    ("correction", "wakes"),
    [
        ({"title": "Acme in default"}, {"*", "acme"}),
        ({"mentions": (a_mention("acme", "negative", -999_999),)}, {"*", "acme"}),
        ({"mentions": (a_mention("acme", "neutral", 0),)}, {"*", "acme"}),
        ({"mentions": ()}, {"*"}),
    ],
)
def test_a_bucket_is_judged_again_by_rules_if_a_text_in_it_is_another_and_no_document_left(
    correction: dict[str, Any], wakes: set[str]
) -> None:
    mentions = (a_mention("acme", "negative", -5),)
    old, new = a_document("a", 0, mentions=mentions), a_correction("a", 1, **({"mentions": mentions} | correction))
    places = reworded([new], balance([new], [old]))
    assert {entity_id for entity_id, _ in places} == wakes
    assert {at for _, at in places} == {NOON}
