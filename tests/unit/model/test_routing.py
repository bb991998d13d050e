"""Which encoder reads a text: decided by its characters alone, and always."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.routing import LANGUAGES, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Shares of the bank fall after a profit warning", "en"),
        ("公司股价大跌，涉嫌财务造假", "zh"),
        ("公司股價大跌，涉嫌財務造假", "zh"),
        ("Alibaba (阿里巴巴) shares fell after its results were published on Tuesday", "en"),
        ("ST某某(600000.SH)第三季度净利润同比下降", "zh"),
        ("$AAPL 苹果公司", "zh"),
        ("", "en"),
        ("🚀🚀🚀 12,5 %", "en"),
        ("Το κέρδος μειώθηκε", "en"),
    ],
)
def test_characters_decide(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.text())
def test_every_text_has_one(text: str) -> None:
    assert language_of(text) in LANGUAGES
    assert language_of(text + " " * 5) == language_of(text)
