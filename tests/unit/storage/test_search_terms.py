"""Chinese becomes pairs of characters, in documents and in queries alike; everything else is PostgreSQL's business."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.search_terms import MOST_INDEXED, indexed, queried


def test_a_run_of_chinese_is_its_pairs_and_its_last_character():
    assert indexed("央行降息", "").split() == ["央行", "行降", "降息", "息"]


def test_other_text_stays_and_is_parted_from_the_chinese():
    assert indexed("AI芯片", "falls 9%").split() == ["AI", "芯片", "片", "falls", "9%"]


def test_signs_beyond_ascii_part_words_as_those_of_ascii_do():
    assert indexed("“Apple’s” (Söhne)", "某（600519）、B").split() == ["Apple", "s", "(Söhne)", "某", "600519", "B"]


@pytest.mark.parametrize(
    ("query", "words", "alone"),
    [
        ("default bonds", "default bonds", ""),
        ("央行降息", '"央行 行降 降息"', ""),
        ("铝", "", "铝:*"),
        ("-铝", "", "!铝:*"),
        ("rates -央行", 'rates  -"央行"', ""),
        ("铝 铜 price", "price", "铝:* & 铜:*"),
        ('"AI芯片 market"', '"AI 芯片 片  market"', ""),
        ('"芯片"', '" 芯片 "', ""),
        ("“AI market” Apple’s", '"AI market" Apple s', ""),
        ("", "", ""),
    ],
)
def test_queries(query: str, words: str, alone: str):
    assert queried(query) == (words, alone)


@given(st.text(st.sampled_from("央行降息铝 ab\"-\x00'&|!():*<>\\"), max_size=30))
def test_no_query_gets_operators_of_to_tsquery_or_control_characters_through(query: str):
    words, alone = queried(query)

    assert "\x00" not in words
    assert all(part.removeprefix("!")[1:] == ":*" for part in alone.split(" & ") if part)


def test_a_very_long_document_is_cut():
    assert len(indexed("", "word " * MOST_INDEXED)) == MOST_INDEXED
