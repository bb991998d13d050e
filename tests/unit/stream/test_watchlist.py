"""The watch list: a default that ships, the operator's files on top, and mistakes named with their line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stream.errors import WatchListError
from stream.watchlist import Entity, load


def written(folder: Path, text: str, name: str = "own.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(*paths: Path) -> tuple[str, ...]:
    with pytest.raises(WatchListError) as caught:
        load(paths, include_default=False)
    return caught.value.problems


def test_the_default_list_ships_and_is_free_of_conflicts() -> None:
    entities = load()
    assert len(entities) > 6_000
    assert len({one.entity_id for one in entities}) == len(entities)
    forms = [form for one in entities for form in {one.name, *one.aliases}]
    assert len(forms) == len(set(forms))
    tickers = [ticker for one in entities for ticker in one.tickers]
    assert len(tickers) == len(set(tickers))
    for one in entities:
        assert {*one.ambiguous} <= {one.name, *one.aliases, *one.tickers}


def test_default_ids_are_readable() -> None:
    known = {one.entity_id: one for one in load()}
    assert known["AAPL.US"].aliases == ("Apple",)
    assert known["AAPL.US"].ambiguous == ("Apple",)
    assert known["600519.SH"].name == "贵州茅台"
    assert "7203.T" in known
    assert "BRK-B.US" in known


def test_every_column_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# our own companies\n\n"
        "entity_id,name,aliases,tickers,groups,ambiguous\n"
        'QUAY.US,"Quayside, Inc.", Quayside | QSI |,QUAY,Harbours,QSI\n',
    )
    assert load([path], include_default=False) == [
        Entity(
            entity_id="QUAY.US",
            name="Quayside, Inc.",
            aliases=("Quayside", "QSI"),
            tickers=("QUAY",),
            groups=("Harbours",),
            ambiguous=("QSI",),
        )
    ]


def test_two_columns_are_enough_and_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffEntity_ID,Name\nA.X,Quayside\n")
    assert load([path], include_default=False) == [Entity(entity_id="A.X", name="Quayside")]


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.csv.gz"
    path.write_bytes(gzip.compress(b"entity_id,name\nA.X,Quayside\n"))
    assert [one.name for one in load([path], include_default=False)] == ["Quayside"]


def test_the_operators_row_replaces_the_default_one(tmp_path: Path) -> None:
    path = written(tmp_path, "entity_id,name,aliases\nAAPL.US,Apple Inc.,Cupertino giant\n")
    known = {one.entity_id: one for one in load([path])}
    assert known["AAPL.US"].aliases == ("Cupertino giant",)
    assert known["AAPL.US"].tickers == ()


def test_a_later_file_replaces_an_earlier_one(tmp_path: Path) -> None:
    first = written(tmp_path, "entity_id,name\nA.X,Quayside\n", "first.csv")
    second = written(tmp_path, "entity_id,name\nA.X,Quayside Bank\n", "second.csv")
    assert [one.name for one in load([first, second], include_default=False)] == ["Quayside Bank"]


def test_remove_takes_a_company_off_the_list(tmp_path: Path) -> None:
    path = written(tmp_path, "entity_id,name,remove\nAAPL.US,,yes\n")
    assert "AAPL.US" not in {one.entity_id for one in load([path])}


def test_what_the_operator_claims_is_taken_from_the_default_list(tmp_path: Path) -> None:
    path = written(tmp_path, "entity_id,name,aliases,tickers\nORCHARD,Orchard Fund,Apple,AAPL\nBOAT,Boeing,,\n")
    known = {one.entity_id: one for one in load([path])}
    assert (known["AAPL.US"].aliases, known["AAPL.US"].tickers, known["AAPL.US"].ambiguous) == ((), (), ())
    assert known["ORCHARD"].aliases == ("Apple",)
    assert "BA.US" not in known  # the same company under another id


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: empty: the first line names the columns"),
        ("id,title\n", ":1: header: 'entity_id' is missing, 'name' is missing, 'id' is unknown, 'title' is unknown"),
        ("entity_id,name,aliases\n,Quayside,\n", ":2: entity_id: '': give a short id without spaces"),
        ("entity_id,name\n*,Quayside\n", ":2: entity_id: '*'"),
        ("entity_id,name\nA B,Quayside\n", ":2: entity_id: 'A B'"),
        ("entity_id,name\nA.X\n", ":2: name: empty: give the company's name, or remove=yes"),
        ("entity_id,name,remove\nA.X,Quayside,maybe\n", ":2: remove: 'maybe': write yes, or leave it empty"),
        ("entity_id,name\nA.X,Quayside, Inc.\n", ":2: 3 cells, the header has 2: quote a cell that holds a comma"),
        ("entity_id,name\nA.X,Q\n", ":2: name: 'Q' is a single character: put a ticker under tickers"),
        ("entity_id,name\nA.X," + "Q" * 201 + "\n", ":2: name: longer than 200 characters"),
        ("entity_id,name\nA.X,Quay\nA.X,Quayside\n", ":3: entity_id 'A.X' is already in"),
        ("entity_id,name\nA.X,Quay\n\nB.X,Quay\n", ":4: 'Quay' belongs to"),
    ],
)
def test_mistakes_are_named_with_line_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    (problem,) = problems(path)
    assert problem.startswith(str(path))
    assert told in problem


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    first = written(tmp_path, "entity_id,name\n,Quay\nB.X\n", "first.csv")
    assert len(problems(first, tmp_path / "missing.csv")) == 3


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "missing.csv")
    assert "cannot be read (No such file or directory): check the path" in problem
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"entity_id,name\nA.X,\xd2\xf8\n")
    (problem,) = problems(binary)
    assert "is not UTF-8: save it as 'CSV UTF-8'" in problem


def test_a_gzip_that_is_damaged_or_a_bomb_is_said_to_be(tmp_path: Path) -> None:
    packed = gzip.compress(b"entity_id,name\nA.X,Quay\n")
    for content, said in (
        (packed[:-4], "ends early"),
        (b"\x1f\x8b\x08" + bytes(20), "this is no gzip"),
        (gzip.compress(b"," * (65 << 20), 1), "grows beyond 67,108,864 bytes"),
    ):
        path = tmp_path / "own.csv.gz"
        path.write_bytes(content)
        (problem,) = problems(path)
        assert said in problem
        assert "compress it again" in problem


def test_a_quote_that_never_closes_is_named_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, 'entity_id,name\nA.X,"Quay\n' + "B.X,Bank\n" * 20_000)
    assert any("field larger than field limit" in problem and "quote" in problem for problem in problems(path))
