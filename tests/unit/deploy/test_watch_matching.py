"""An entry that is tried links as it would on the list, and says what to look at before it is put there."""

from __future__ import annotations

import pytest

from alerts.detection.unlisted import entity_of
from alerts.errors import EntryError
from alerts.reading.watch_preview import Caution, Entry
from deploy.watch_matching import EntryMatcher, WatchLinking
from stream.cleaning import plain_text
from stream.watchlist import Entity, Row, WatchList, load, read, read_row

LISTED = WatchList(
    default=[Entity(entity_id="QFB.X", name="Quillfeather Bank", aliases=("Quillfeather",), tickers=("QFB",))],
    rows=[Row(where="ours.csv:2", entity=Entity(entity_id="own", name="Harbour Steel", tickers=("HBS",)))],
)


def tried(**fields: object) -> EntryMatcher:
    return WatchLinking(LISTED).matcher(Entry(**fields))  # type: ignore[arg-type]


def test_it_is_found_where_the_linker_would_find_it():
    matcher = tried(name="Mossgate Savings", aliases=("Mossgate",), tickers=("MGS",))

    assert matcher.look("Customers leave Mossgate", "").surface == "Mossgate"
    assert matcher.look("$MGS falls", "").surface == "$MGS"
    assert matcher.look("Rain on Monday", "").surface is None


@pytest.mark.parametrize(
    "name",
    [
        "Moss\u200bgate",
        "Mossgate\u202e",
        "\ufeffMossgate",
        "Mossgate\udcff",
        "Socie\u0301te\u0301 Mossgate",
        "Moss\u00a0 Gate",
        "Ｍossgate",
    ],
)
def test_a_name_that_was_pasted_is_found_as_documents_have_it(name: str):
    text = plain_text(f"Customers leave {name}")[0]

    assert f"Customers leave {tried(name=name, entity_id='moss').look(text, '').surface}" == text


def test_the_longer_name_of_a_company_on_the_list_wins():
    matcher = tried(name="Steel of Mossgate", aliases=("Steel",))

    assert matcher.look("Harbour Steel opens an office", "").surface is None
    assert matcher.look("Steel opens an office", "").surface == "Steel"


def test_an_ambiguous_name_counts_only_with_support_and_both_are_told_apart():
    shares, pie = "Shares of Gapper fell after earnings", "In old times a Gapper was a trade"
    listed, plain = tried(name="Gapper", ambiguous=("Gapper",)), tried(name="Gapper")

    assert [listed.look(text, "").surface for text in (shares, pie)] == ["Gapper", None]
    assert [plain.look(text, "").surface for text in (shares, pie)] == ["Gapper", "Gapper"]
    for matcher in (listed, plain):
        assert matcher.look(pie, "").standing == {"Gapper"}
        assert matcher.look(pie, "").supported == frozenset()
        assert matcher.look(shares, "").supported == {"Gapper"}


@pytest.mark.parametrize(
    ("fields", "caution"),
    [
        ({"name": "Gap"}, Caution("ordinary", "Gap")),
        ({"name": "机器"}, Caution("ordinary", "机器")),
        ({"name": "Feather", "tickers": ("QFB",)}, Caution("taken", "QFB", "Quillfeather Bank (QFB.X)")),
        ({"name": "Steel Co", "tickers": ("HBS",)}, Caution("refused", "HBS", "Harbour Steel (own)")),
    ],
)
def test_what_to_look_at_first_is_said(fields: dict[str, object], caution: Caution):
    assert caution in tried(**fields).cautions


def test_a_word_that_is_listed_as_ambiguous_needs_no_caution():
    assert tried(name="Gap", ambiguous=("Gap",)).cautions == []


def test_its_own_entry_takes_nothing_from_itself():
    assert tried(name="Quillfeather Bank", entity_id="QFB.X", aliases=("Quillfeather",)).cautions == []


def test_the_line_is_read_back_as_the_same_entry(tmp_path):
    matcher = tried(name='Moss, "Gate" & Co', aliases=("Mossgate", "苔门"), tickers=("MGS",), groups=("banks",))
    path = tmp_path / "own.csv"
    path.write_text(f"entity_id,name,aliases,tickers,groups,ambiguous\n{matcher.line}\n", encoding="utf-8")
    (entity,) = load([path], include_default=False)

    assert entity == Entity(
        entity_id="moss-gate-co",
        name='Moss, "Gate" & Co',
        aliases=("Mossgate", "苔门"),
        tickers=("MGS",),
        groups=("banks",),
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "?"}, "entity_id: ''"),
        ({"name": "x" * 201}, "longer than 200"),
        ({"name": "Moss", "aliases": ("M",)}, "single character"),
        ({"name": "Moss", "entity_id": "a b"}, "without spaces"),
        ({"name": "Moss", "entity_id": entity_of("Moss")}, "entity_id: so begin alerts"),
        ({"name": "=1+1", "entity_id": "moss"}, "name: begins with '='"),
        ({"name": "Moss", "entity_id": "@moss"}, "entity_id: begins with '@'"),
        ({"name": "Moss", "aliases": ("\u200b＋Moss", "Mossgate")}, r"aliases: begins with '\+'"),
        ({"name": "Moss", "aliases": tuple(f"Moss {number}" for number in range(60))}, "more than 50"),
    ],
)
def test_what_no_file_could_hold_is_no_entry(fields: dict[str, object], told: str):
    with pytest.raises(EntryError, match=told):
        tried(**fields)


def test_what_is_listed_comes_back_whole():
    linking = WatchLinking(read())
    listed = linking.listed("AAPL.US")

    assert listed is not None
    assert listed.ambiguous == ("Apple",)
    assert read_row({"entity_id": "a", "name": "A Co"}).entity == Entity(entity_id="a", name="A Co")
    assert linking.listed("nobody") is None
    assert linking.matcher(listed).cautions == []
