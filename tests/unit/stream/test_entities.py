"""A company is found where the text means it, and nowhere else: a table of sentences, English and Chinese."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.entities import EntityLinker
from stream.watchlist import Entity, load


@pytest.fixture(scope="module")
def linker() -> EntityLinker:
    return EntityLinker(load())


MEANT = [
    # names of nothing else, in any case
    ("Boeing delays its newest jet", {"BA.US": "Boeing"}),
    ("BOEING DELAYS ITS NEWEST JET", {"BA.US": "BOEING"}),
    ("boeing news today", {"BA.US": "boeing"}),
    ("Microsoft opens a data centre near Lyon", {"MSFT.US": "Microsoft"}),
    ("a letter from berkshire hathaway", {"BRK-B.US": "berkshire hathaway"}),
    ("Deutsche Bank’s traders leave", {"DBK.DE": "Deutsche Bank"}),
    ("HSBC Holdings Plc customers complain", {"HSBA.L": "HSBC"}),
    ("McDonald’s raises wages", {"MCD.US": "McDonald’s"}),
    ("AT&T raises prices", {"T.US": "AT&T"}),
    ("Coca-Cola lifts its outlook", {"KO.US": "Coca-Cola"}),
    # the longest name wins
    ("Siemens Energy wins an order", {"ENR.DE": "Siemens Energy"}),
    ("Bank of America raises its outlook", {"BAC.US": "Bank of America"}),
    ("General Motors and General Electric", {"GM.US": "General Motors"}),
    # ordinary words with support
    ("Apple Inc. opens a store", {"AAPL.US": "Apple Inc."}),
    ("Apple shares fall 3% after earnings", {"AAPL.US": "Apple"}),
    ("Analysts say that Apple will beat forecasts", {"AAPL.US": "Apple"}),
    ("Apple and Microsoft lead the way", {"AAPL.US": "Apple", "MSFT.US": "Microsoft"}),
    ("The iPhone maker Apple (AAPL) is late", {"AAPL.US": "Apple"}),
    ("Apple sues a former worker", {"AAPL.US": "Apple"}),
    ("Amazon's cloud business slows", {"AMZN.US": "Amazon"}),
    ("Shares rose as Target cut its forecast", {"TGT.US": "Target"}),
    ("Campaigns must tell, and Meta will require it", {"META.US": "Meta"}),
    ("Forget laptops, Apple is late", {"AAPL.US": "Apple"}),
    ("Ford to slow production of vans", {"F.US": "Ford"}),
    ("Swiss want the new UBS-Nestlé giant split", {"UBSG.SW": "UBS", "NESN.SW": "Nestlé"}),
    ("Visa CEO says that spending is up", {"V.US": "Visa"}),
    ("Meta to cut 10,000 jobs", {"META.US": "Meta"}),
    ("Oil giant Shell said that profit doubled", {"SHELL.AS": "Shell"}),
    ("Shell plc reports a record", {"SHELL.AS": "Shell plc"}),
    ("Ford recalls 100,000 trucks", {"F.US": "Ford"}),
    ("Automaker Ford recalls trucks", {"F.US": "Ford"}),
    ("Ford Motor Co. builds a plant", {"F.US": "Ford Motor"}),
    ("Block, Inc. loses its founder", {"XYZ.US": "Block, Inc."}),
    ("“Caterpillar profits disappoint,” she said", {"CAT.US": "Caterpillar"}),
    ("Wall Street Analysts Like Oracle Stock", {"ORCL.US": "Oracle"}),
    # tickers
    ("$AAPL to the moon", {"AAPL.US": "$AAPL"}),
    ("$ALL reports tonight", {"ALL.US": "$ALL"}),
    ("$BRK.B is up", {"BRK-B.US": "$BRK.B"}),
    ("NASDAQ: AAPL", {"AAPL.US": "AAPL"}),
    ("The planemaker (NYSE: BA) slid", {"BA.US": "BA"}),
    ("The chip designer (NVDA) slid", {"NVDA.US": "NVDA"}),
    ("NVDA up 5%", {"NVDA.US": "NVDA"}),
    ("Toyota 7203.T rises", {"7203.T": "Toyota"}),
    ("HSBA.L", {"HSBA.L": "HSBA.L"}),
    ("AAPL.US, AAPL.O", {"AAPL.US": "AAPL.US"}),
    ("买入AAPL", {"AAPL.US": "AAPL"}),
    # Chinese
    ("贵州茅台股价大涨", {"600519.SH": "贵州茅台"}),
    ("貴州茅臺股價大漲", {"600519.SH": "貴州茅臺"}),
    ("宁德时代拟在欧洲建厂", {"300750.SZ": "宁德时代"}),
    ("平安银行净利润增长", {"000001.SZ": "平安银行"}),
    ("中国银行业绩增长", {"601988.SH": "中国银行"}),
    ("600519.SH涨停", {"600519.SH": "600519.SH"}),
    ("SH600519", {"600519.SH": "SH600519"}),
    ("sz300750 怎么看", {"300750.SZ": "sz300750"}),
    ("某白酒龙头（600519）", {"600519.SH": "600519"}),
    ("600519今日股价上涨", {"600519.SH": "600519"}),
    ("600519.XSHG", {"600519.SH": "600519.XSHG"}),
    ("机器人公司股价涨停", {"300024.SZ": "机器人"}),
    ("老百姓(603883)门店增加", {"603883.SH": "老百姓"}),
    ("中国石油股价上涨", {"601857.SH": "中国石油"}),
    ("万科债务展期", {"000002.SZ": "万科"}),
]

NOT_MEANT = [
    "Apple pie recipes for autumn",
    "I ate an apple while stocks rose",
    "The apple of the company's eye",
    "all of it",
    "$all in on this one",
    "US$ALL",
    "it costs $5B, says the CEO",
    "IT (IT) and AI are down",
    "AI stocks jump",
    "ALL SHARES FALL",
    "We target growth in revenue",
    "Target practice for the army",
    "The gap between rich and poor widens, company says",
    "Visa rules are tightened for students",
    "H-1B Visa applications open",
    "Shell companies are used to hide profit",
    "A meta analysis of profits",
    "Meta analysis shows gains in revenue",
    "Harrison Ford attends a premiere of the company's film",
    "Rents near Ford Theatre in Washington rise, analysts say",
    "Block party this weekend",
    "The Amazon rainforest burns",
    "Rain in the Amazon is rare",
    "A Visa-free summer, company says",
    "https://example.org/Boeing/news",
    "The Delta variant spreads, company says",
    "Caterpillar larvae eat the crop",
    "See apple.com or mail info@boeing.com",
    "Boeings and Airbuses",
    "NVDAX is a coin",
    "600519元的手机",
    "电话0600519转1",
    "编号600519已发放",
    "機器人大會開幕",
    "中国银行业协会发布报告",
    "中国银行间市场",
    "中国石油需求上升",
    "老百姓的生活更好了",
    "",
]


@pytest.mark.parametrize(("text", "expected"), MEANT, ids=[text for text, _ in MEANT])
def test_companies_that_are_meant(linker: EntityLinker, text: str, expected: dict[str, str]) -> None:
    found = linker.link(text)
    assert {one.entity_id: one.surface for one in found} == expected
    assert all(text[one.start : one.end] == one.surface for one in found)


@pytest.mark.parametrize("text", NOT_MEANT)
def test_words_that_are_no_company(linker: EntityLinker, text: str) -> None:
    assert linker.link(text) == []


def test_each_company_once_in_order_of_naming(linker: EntityLinker) -> None:
    found = linker.link("Netflix beats Disney+ while $NFLX and Netflix Inc. rise; Boeing, too, and Netflix again")
    assert [(one.entity_id, one.start) for one in found if one.entity_id != "DIS.US"] == [("NFLX.US", 0), ("BA.US", 57)]


def test_one_certain_mention_supports_the_others(linker: EntityLinker) -> None:
    (first,) = linker.link("Visa is everywhere. And $V more so.")
    assert (first.surface, first.start) == ("Visa", 0)


def test_positions_hold_where_lower_case_changes_the_length(linker: EntityLinker) -> None:
    text = "İİİ Boeing"
    (found,) = linker.link(text)
    assert text[found.start : found.end] == "Boeing"


def test_an_operators_name_is_found_as_it_is_written() -> None:
    linker = EntityLinker(
        [
            Entity(
                entity_id="SIVB.US", name="SVB Financial", aliases=("SVB", "Silicon Valley Bank"), tickers=("SIVB",)
            ),
            Entity(entity_id="QUAY", name="Quay", ambiguous=("Quay",)),
        ]
    )
    assert [one.surface for one in linker.link("Depositors run from Silicon Valley Bank, SVB shares halted")] == [
        "Silicon Valley Bank"
    ]
    assert linker.link("svb") == []
    assert linker.link("They met on Quay 7") == []
    assert [one.entity_id for one in linker.link("Investors fear for Quay")] == ["QUAY"]


def test_an_empty_watch_list_finds_nothing() -> None:
    assert EntityLinker([]).link("Boeing $BA") == []


@given(st.text(max_size=200))
def test_no_text_crashes_it_and_places_are_true(text: str) -> None:
    linker = EntityLinker([Entity(entity_id="A.X", name="Quay", aliases=("码头",), tickers=("A", "600001.SH"))])
    for one in linker.link(text):
        assert text[one.start : one.end] == one.surface


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_certain_name_is_found_wherever_it_stands_alone(before: str, after: str) -> None:
    linker = EntityLinker([Entity(entity_id="A.X", name="Quayside Bank")])
    text = f"{before} — Quayside Bank — {after}"
    assert [one.entity_id for one in linker.link(text)] == ["A.X"]


def test_a_text_that_is_all_names_takes_no_quadratic_time() -> None:
    linker = EntityLinker(
        [Entity(entity_id="A.X", name="码头银行"), Entity(entity_id="B.X", name="Quay", ambiguous=("Quay",))]
    )

    def seconds(names: int) -> float:
        begun = process_time()
        linker.link("码头银行 " * names + "Quay, " * names)
        return process_time() - begun

    assert seconds(20_000) < 16 * max(seconds(2_500), 0.05)  # eight times the names; a comparison of each with each: 64
