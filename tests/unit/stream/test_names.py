"""A name that no list has is found where the text means a company, English or Chinese; little else is taken for one."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.entities import EntityLinker
from stream.intake import joined
from stream.names import MOST_NAMES, NameFinder
from stream.watchlist import Entity

FINDER = NameFinder()
LINKER = EntityLinker([Entity(entity_id="NW", name="Northwind Bank", aliases=("Northwind",), tickers=("NWB",))])


def names(title: str, body: str = "") -> tuple[str, ...]:
    return FINDER.find(title, body, LINKER.link(joined(title, body)))


FOUND = [
    # its own last word says that it is a company
    ("Depositors queue outside Quillfeather Valley Bank", ("Quillfeather Valley Bank",)),
    ("Quillfeather Valley Bank’s deposits are leaving", ("Quillfeather Valley Bank",)),
    ("The collapsed Mossgate Capital owes its lenders two billion", ("Mossgate Capital",)),
    ("Lenders to Third Harbour Financial Group want their money back", ("Third Harbour Financial",)),
    # the words around it do
    ("Trading in Zembla shares was halted on Friday", ("Zembla",)),
    ("Regulators are looking into Ostrovia, the crypto lender, after withdrawals", ("Ostrovia",)),
    ("Shares fell after Brackwater said it would restate earnings", ("Brackwater",)),
    # who leads it does, or what it owes and earns, before a capital proves anything
    ("Zembla CEO Jane Brown Steps Down As Criminal Inquiry Ends", ("Zembla",)),
    ("These Are The People That Fired Zembla CEO Jane Brown", ("Zembla",)),
    ("Morning news: Zembla chief Jane Brown steps down after guilty plea", ("Zembla",)),
    ("Jane Brown, ousted Zembla CEO Brown, is welcome in France", ("Zembla",)),
    ("Zembla Investors Blindsided By The Departure", ("Zembla",)),
    ("First Quillfeather shares plunge again as its plan fails", ("First Quillfeather",)),
    ("First Harbour shares plunge again as its plan fails", ("First Harbour",)),
    # a capital inside the word does
    ("Jane Brown Out At OpenZembla", ("OpenZembla",)),
    ("Ousted OpenZembla CEO Brown welcome in France", ("OpenZembla",)),
    ("OpenZembla’s board has no confidence in its founder", ("OpenZembla",)),
    # a ticker does
    ("Down 40% before the open: $QVBK", ("$QVBK",)),
    ("The lender (NASDAQ: QVBK) sought a buyer", ("$QVBK",)),
    # Chinese
    ("储户在青石谷银行门前排队", ("青石谷银行",)),
    ("监管部门调查远帆集团", ("远帆集团",)),
]

NOT_FOUND = [
    "Northwind Bank said its profit fell",  # the list has it
    "Shares of companies fell in Germany, France and Spain",
    "Officials in Washington said on Tuesday that inflation is slowing",
    "Stocks were lower. Investors await earnings.",
    "Prime Minister Jane Brown said the company would be sold",
    "The Supreme Court ruled against the company",
    "Quillfeather Troubles Deepen As Shares Sink Across Wall Street",  # Title Case: capitals prove nothing
    "EVERYTHING MUST GO AT MOSSGATE AS SHARES SINK",
    "Former Speaker McCarthy Is Out, And So Is DeVito",  # people
    "A PhD Student Explains",
    "NATO Chief And IMF Boss Meet FBI Investors",  # institutions
    "Departure of CEO was announced on Monday",
    "Germany Chief Of Staff Quits As Tech Investors Watch",
    "商业银行下调存款利率",
    "公司拟回购股份",
    "",
]


@pytest.mark.parametrize(("title", "expected"), FOUND)
def test_a_company_nobody_listed_is_found(title: str, expected: tuple[str, ...]) -> None:
    assert names(title) == expected


@pytest.mark.parametrize("title", NOT_FOUND)
def test_what_is_no_unlisted_company_is_not(title: str) -> None:
    assert names(title) == ()


def test_a_title_case_headline_is_borne_out_by_its_body() -> None:
    found = names("Quillfeather Bank Fails", "Quillfeather Bank was closed by its regulator on Friday.")
    assert found == ("Quillfeather Bank",)


def test_a_part_of_a_longer_name_in_the_same_document_is_not_counted_beside_it() -> None:
    body = "Mossgate shares were halted. Mossgate Capital said it would not pay."
    assert names("Mossgate Capital misses a payment", body) == ("Mossgate Capital",)


def test_another_name_of_a_company_that_is_mentioned_already_is_no_name_that_nobody_listed() -> None:
    listed = EntityLinker([Entity(entity_id="zembla", name="Zembla", aliases=("Harbour Lending",))])
    title, body = "Trading in Zembla shares was halted", "Investors in Harbour Lending and Mossgate Capital sold."
    mentions = listed.link(joined(title, body))
    assert [mention.surface for mention in mentions] == ["Zembla"]
    assert FINDER.find(title, body, mentions) == ("Harbour Lending", "Mossgate Capital")
    assert NameFinder(listed.lists).find(title, body, mentions) == ("Mossgate Capital",)
    assert listed.lists("harbour lending")
    assert not EntityLinker([]).lists("Zembla")


def test_the_watch_list_takes_a_name_over_once_it_has_it() -> None:
    title = "Trading in Zembla shares was halted on Friday"
    listed = EntityLinker([Entity(entity_id="zembla", name="Zembla")])
    assert FINDER.find(title, "") == ("Zembla",)
    assert FINDER.find(title, "", listed.link(title)) == ()


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_text_it_finds_few_and_each_stands_there(title: str, body: str) -> None:
    found = names(title, body)
    assert len(found) <= MOST_NAMES
    assert len(set(found)) == len(found)
    for name in found:
        assert 2 <= len(name) <= 60
        assert name.removeprefix("$") in title + "\n" + body


@given(
    st.lists(
        st.sampled_from(
            [
                "Aldermoor Bank",
                "Brackwater",
                "Corvina Capital",
                "Dunmere Group",
                "Eskdale Energy",
                "Fenwick Motors",
                "Glanvil Trust",
                "said",
                "fell.",
                "and",
                "shares",
                "of",
                "the",
            ]
        ),
        max_size=40,
    )
)
def test_the_same_text_gives_the_same_names_and_never_too_many(words: list[str]) -> None:
    text = " ".join(words)
    assert names(text) == NameFinder().find(text, "")
    assert len(names("", text)) <= MOST_NAMES


@pytest.mark.parametrize(
    "text", ["A" * 200_000, "A " * 100_000, "Ab & " * 50_000, "银行" * 100_000, "$" * 200_000, "(" * 200_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = process_time()
    names(text, text)
    assert process_time() - began < 1.0
