"""Marks are ours, text is not: whatever the text and the words, no tag but <mark> comes out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from alerts.console.highlighting import marked

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
