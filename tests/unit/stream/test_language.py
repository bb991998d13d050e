"""The language of headlines and articles, short ones included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.language import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Stocks rise", "en"),
        ("Oil falls 2%", "en"),
        ("Chipmaker warns of weak demand after the holidays", "en"),
        ("The lender said that it would cut jobs in Paris and Frankfurt.", "en"),
        ("Société Générale cuts jobs as the market slows, with more to come", "en"),
        ("银行股大跌", "zh-Hans"),
        ("NVIDIA 发布财报 超预期", "zh-Hans"),
        ("A股收盘上涨", "zh-Hans"),
        ("銀行股大跌", "zh-Hant"),
        ("晶片製造商營收創新高，股價漲停", "zh-Hant"),
        ("上海", "zh-Hans"),  # written alike in both
        ("トヨタ、純利益が過去最高", "other"),
        ("삼성전자 실적 발표", "other"),
        ("Акции банка упали", "other"),
        ("Les actions européennes reculent après la décision de la banque centrale", "other"),
        ("Deutsche Bank meldet Gewinnsprung im dritten Quartal", "other"),
        ("El Ibex cae un 2% arrastrado por los bancos", "other"),
        ("Borsa in calo, pesa il settore bancario", "other"),
        ("2024", "other"),
        ("", "other"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect(text) == language


def test_one_foreign_name_does_not_change_the_language() -> None:
    assert detect("公司宣布与 トヨタ 合作开发新能源汽车，预计明年投产，总投资超过十亿元") == "zh-Hans"


@given(st.text(max_size=200))
def test_every_text_has_one_of_four(text: str) -> None:
    assert detect(text) in ("en", "zh-Hans", "zh-Hant", "other")
