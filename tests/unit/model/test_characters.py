"""Traditional Chinese is read as simplified Chinese, and no character moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from model.characters import simplified
from model.classifier import Classifier


def test_traditional_characters_become_simplified_ones() -> None:
    assert simplified("證監會調查該銀行的財務報表") == "证监会调查该银行的财务报表"


@given(st.text())
def test_the_length_stays_and_twice_is_once(text: str) -> None:
    once = simplified(text)
    assert len(once) == len(text)
    assert simplified(once) == once


@given(st.text(st.characters(max_codepoint=0x2E7F)))
def test_what_is_not_chinese_is_left_alone(text: str) -> None:
    assert simplified(text) == text


def test_both_ways_to_write_a_sentence_are_the_same_to_the_model(classifier: Classifier) -> None:
    traditional, plain = classifier.predict(["銀行虧損擴大", "银行亏损扩大"])
    assert traditional == plain
