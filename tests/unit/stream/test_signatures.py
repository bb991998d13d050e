"""What two signatures say about two texts, in English and Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.signatures import BANDS, PERMUTATIONS, signature

LONG = (
    "The regional lender said on Thursday that it would sell new shares worth two billion dollars to cover losses on "
    "its bond portfolio, and its stock lost more than half of its value before trading was halted by the exchange."
)
LONG_ZH = (
    "该区域银行周四表示，将发行价值二十亿美元的新股，以弥补其债券投资组合的亏损，其股价在交易所暂停交易前下跌超过一半。"
)


def alike(one: str, other: str) -> bool:
    """As the script in Redis decides: one band in common, and enough equal values."""
    a, b = signature(one), signature(other)
    met = any(x == y for x, y in zip(a.bands, b.bands, strict=False))
    equal = sum(a.values[at : at + 2] == b.values[at : at + 2] for at in range(0, len(a.values), 2))
    return met and equal >= max(a.least_equal, b.least_equal)


def test_shape() -> None:
    sketch = signature(LONG)
    assert len(sketch.values) == 2 * PERMUTATIONS
    assert len(sketch.bands) == BANDS
    assert {len(band) for band in sketch.bands} == {8}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG),
        (LONG, LONG.upper().replace(",", " –")),
        (LONG, LONG + " More details are expected soon."),
        (LONG, LONG.replace("on Thursday ", "")),
        (LONG_ZH, LONG_ZH.replace("，", " ")),
        (LONG_ZH, "快讯：" + LONG_ZH),
        ("Stocks rise", "STOCKS RISE!"),
        ("银行股大跌", "银行股，大跌"),
    ],
)
def test_reprints_are_alike(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG_ZH),
        (LONG, "The carmaker said on Thursday that it would recall trucks with faulty brakes in four countries."),
        ("Stocks rise", "Stocks fall"),
        ("Oil rises 1.5%", "Oil rises 1.6%"),
        ("沪指收涨0.52%报3102点", "沪指收涨0.71%报3124点"),
        ("银行股大跌", "保险股大跌"),
    ],
)
def test_other_news_is_not(one: str, other: str) -> None:
    assert not alike(one, other)


@pytest.mark.parametrize("text", ["", "   ", "!!! … ---"])
def test_text_without_words_meets_nothing(text: str) -> None:
    sketch = signature(text)
    assert (sketch.values, sketch.bands) == (b"", ())


def test_only_the_beginning_of_a_book_counts() -> None:
    book = " ".join(f"word{number}" for number in range(5_000))
    assert signature(book) == signature(book + " and a different end")


@given(st.text(max_size=200))
def test_the_same_text_has_the_same_signature(text: str) -> None:
    assert signature(text) == signature(text)
