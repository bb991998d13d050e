"""Patterns are RE2's: what it cannot run in linear time it refuses, and words are whole words where they are Latin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.patterns import PatternError, compiled, of_words


@pytest.mark.parametrize(
    "hostile",
    ["(", "[^", "(?=a)b", r"(a)\1", "((a{100}){100}){100}", "a" * 4001, "\ud800"],
)
def test_what_cannot_be_run_is_refused_with_a_reason(hostile: str) -> None:
    with pytest.raises(PatternError, match=r"\w"):
        compiled(hostile)


def test_a_pattern_on_which_backtracking_engines_hang_is_searched_for_at_once() -> None:
    assert compiled("(x+x+)+y").search("x" * 200_000) is None
    assert compiled("(.*)(.*)(.*)(.*)(.*)!").search("a" * 200_000) is None


def test_a_dot_is_any_character() -> None:
    assert compiled("a.b").fullmatch("a\nb")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bonds DEFAULT today", True),
        ("defaults", False),
        ("公司违约了", True),
        ("an违约default", True),
        ("in C++ now", True),
        ("nothing", False),
    ],
)
def test_words_are_found_whole_and_in_any_case(text: str, found: bool) -> None:
    assert bool(of_words(["default", "违约", "C++"]).search(text)) is found


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_a_word_finds_itself_whatever_is_in_it(word: str) -> None:
    assert of_words([word]).search(word)
