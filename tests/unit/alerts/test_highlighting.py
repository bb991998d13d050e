"""Marks are ours, text is not: whatever the text and the words, no tag but <mark> comes out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from alerts.console.highlighting import excerpt, explained, marked
from alerts.detection.words import Word

HOSTILE = st.text(st.sampled_from("<>&\"'abm/ark央行 "), max_size=40)


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("Ford cannot afford it", ["ford"], "<mark>Ford</mark> cannot afford it"),
        ("央行宣布降息", ["央行", "降息"], "<mark>央行</mark>宣布<mark>降息</mark>"),
        ("Bank of Acme", ["Acme", "Bank of Acme"], "<mark>Bank of Acme</mark>"),
        ("a < b & c", ["b"], "a &lt; <mark>b</mark> &amp; c"),
        ("<script>", ["script"], "&lt;<mark>script</mark>&gt;"),
        ("nothing", ["", "  "], "nothing"),
    ],
)
def test_words_are_marked(text: str, words: list[str], shown: str):
    assert str(marked(text, words)) == shown


@given(HOSTILE, st.lists(HOSTILE, max_size=4))
def test_without_the_marks_the_escaped_text_is_left(text: str, words: list[str]):
    assert re.sub("</?mark>", "", str(marked(text, words))) == str(escape(text))


def word(text: str, start: int, weight: float = 0.3) -> Word:
    return Word(text=text, place="title", start=start, end=start + len(text), weight=weight)


def test_words_that_moved_the_model_are_marked_at_their_places_and_names_between_them():
    shown = explained("Acme defaults, defaults 违约", [word("违约", 24), word("defaults", 5)], ["Acme"], "by {times}")

    assert str(shown) == (
        '<mark>Acme</mark> <mark class="telling" title="by ×1.3">defaults</mark>, defaults '
        '<mark class="telling" title="by ×1.3">违约</mark>'
    )


@pytest.mark.parametrize("moved", [word("default", 6), word("defaults", 60), word("defaults", -5), word("fraud", 5)])
def test_a_word_that_is_not_where_it_was_noted_is_not_marked(moved: Word):
    assert str(explained("Acme defaults", [moved], [], "{times}")) == "Acme defaults"


def test_a_stretch_of_a_long_body_begins_shortly_before_its_first_word_and_its_marks_are_in_place():
    body = "x" * 500 + " fraud " + "y" * 900
    start, shown = excerpt(body, [word("fraud", 501)])

    assert len(shown) == 400
    assert ">fraud</mark>" in explained(shown, [word("fraud", 501)], [], "{times}", start=start)
    assert excerpt(body, []) == (0, "")


@given(HOSTILE, st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=4), st.lists(HOSTILE, max_size=3))
def test_whatever_moved_the_model_the_escaped_text_is_left(text: str, spans: list[tuple[int, int]], names: list[str]):
    words = [word(text[start : start + length], start) for start, length in spans if text[start : start + length]]

    assert re.sub(
        '</?mark( class="telling" title="×[0-9.]+")?>', "", str(explained(text, words, names, "{times}"))
    ) == (str(escape(text)))
