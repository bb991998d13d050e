"""Entries on top of files are what one more file with their rows would make, and are taken over while reading."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.records import Retraction
from stream.entities import EntityLinker
from stream.errors import WatchListError
from stream.intake import Intake, RawRecord, Read
from stream.intake_workers import IntakeWorkers
from stream.limits import Limits
from stream.renewable_intake import RenewableIntake
from stream.watchlist import Entity, Row, WatchList, csv_of, load, read

FORMS = st.sampled_from(["Quay", "Harbour", "Moss Gate", "苔门", "QAY", 'A "B", C'])
IDS = st.sampled_from(["A.X", "B.X", "C.X", "#d", "苔.X"])


@st.composite
def rows(draw: st.DrawFn, where: str) -> list[Row]:
    """Rows of different ids, which may claim what others claim."""
    made = []
    for entity_id in draw(st.lists(IDS, unique=True, max_size=4)):
        lists = {name: tuple(draw(st.lists(FORMS, unique=True, max_size=2))) for name in ("aliases", "tickers")}
        entity = Entity(entity_id=entity_id, name=draw(FORMS), **lists)
        made.append(Row(where=where, entity=entity, remove=draw(st.booleans())))
    return made


def written(folder: Path, name: str, those: Sequence[Row]) -> Path:
    path = folder / name
    path.write_text(csv_of(those), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


@given(default=rows("default"), own=rows("own.csv"), entries=rows("entry"))
def test_files_and_entries_are_what_one_more_file_would_make(
    folder: Path, default: list[Row], own: list[Row], entries: list[Row]
) -> None:
    bundled = [row.entity for row in default]
    try:
        files = read([written(folder, "own.csv", own)], include_default=False)
        one_more = read([folder / "own.csv", written(folder, "entries.csv", entries)], include_default=False)
    except WatchListError:
        assume(False)

    wanted = WatchList(bundled, one_more.rows).entities()
    assert WatchList(bundled, files.rows).entities(entries) == wanted


@given(entries=rows("entry"))
def test_an_exported_file_is_read_back_as_the_entries(folder: Path, entries: list[Row]) -> None:
    try:
        listed = WatchList().entities(entries)
    except WatchListError:
        assume(False)

    assert load([written(folder, "exported.csv", entries)], include_default=False) == listed


def test_an_entry_keeps_what_a_file_claims_later() -> None:
    own = Row(where="own.csv:2", entity=Entity(entity_id="A.X", name="Quay Bank", aliases=("Quay",)))
    entry = Row(where="entry", entity=Entity(entity_id="B.X", name="Quay"))

    bank, quay = WatchList(rows=[own]).entities([entry])
    assert (bank.aliases, quay.name) == ((), "Quay")


def test_an_entry_that_goes_gives_back_what_it_had_taken() -> None:
    default = Entity(entity_id="A.X", name="Quay Bank", tickers=("QAY",))
    lists = WatchList(default=[default])

    moss = Entity(entity_id="B.X", name="Moss", tickers=("QAY",))
    assert [one.tickers for one in lists.entities([Row(where="entry", entity=moss)])] == [(), ("QAY",)]
    assert lists.entities([Row(where="entry", entity=default, remove=True)]) == []
    assert lists.entities() == [default]


def record(number: int) -> RawRecord:
    value = json.dumps({"source": "wire", "guid": str(number), "title": "Quay opens, Moss closes"}).encode()
    at = datetime(2026, 1, 10, tzinfo=UTC)
    return RawRecord(topic="documents.raw", partition=0, offset=number, key=None, value=value, arrived_at=at)


def linked(found: Iterable[Read | Retraction | Exception]) -> list[list[str]]:
    return [[mention.entity_id for mention in one.mentions] for one in found if isinstance(one, Read)]


def intake(entities: Sequence[Entity]) -> Intake:
    return Intake(EntityLinker(entities), Limits())


class Elsewhere:
    """Makes intake in two other processes."""

    def __init__(self) -> None:
        self.made: list[IntakeWorkers] = []

    def __call__(self, entities: Sequence[Entity]) -> IntakeWorkers:
        workers = IntakeWorkers(partial(intake, tuple(entities)), 2)
        workers.warm()
        self.made.append(workers)
        return workers


QUAY, MOSS = Entity(entity_id="A.X", name="Quay"), Entity(entity_id="B.X", name="Moss")


def test_the_next_batch_is_read_by_the_new_list() -> None:
    with RenewableIntake(intake, [QUAY]) as renewable:
        before = linked(renewable.read_all([record(1)]))
        renewable.renew([QUAY, MOSS])
        assert (before, linked(renewable.read_all([record(2)]))) == ([["A.X"]], [["A.X", "B.X"]])


def test_other_processes_read_by_the_new_list_and_the_old_ones_end() -> None:
    elsewhere = Elsewhere()
    with RenewableIntake(elsewhere, [QUAY]) as renewable:
        records = [record(number) for number in range(40)]
        assert linked(renewable.read_all(records)) == [["A.X"]] * 40
        renewable.renew([MOSS])
        assert linked(renewable.read_all(records)) == [["B.X"]] * 40
        with pytest.raises(RuntimeError, match="shutdown"):
            elsewhere.made[0].warm()
    with pytest.raises(RuntimeError, match="shutdown"):
        elsewhere.made[1].warm()


def test_a_batch_is_read_by_one_list_and_does_not_wait_for_the_next_to_be_built() -> None:
    building, go_on = threading.Event(), threading.Event()

    def make(entities: Sequence[Entity]) -> Intake:
        if len(entities) > 1:
            building.set()
            assert go_on.wait(60)
        return intake(entities)

    with RenewableIntake(make, [QUAY]) as renewable:
        renewing = threading.Thread(target=renewable.renew, args=([QUAY, MOSS],))
        renewing.start()
        assert building.wait(60)
        assert linked(renewable.read_all([record(1)])) == [["A.X"]]
        go_on.set()
        renewing.join()
        assert linked(renewable.read_all([record(2)])) == [["A.X", "B.X"]]


def test_a_list_that_cannot_be_built_leaves_the_old_one() -> None:
    def make(entities: Sequence[Entity]) -> Intake:
        if not entities:
            raise ValueError("no list")
        return intake(entities)

    with RenewableIntake(make, [QUAY]) as renewable:
        with pytest.raises(ValueError, match="no list"):
            renewable.renew([])
        assert linked(renewable.read_all([record(1)])) == [["A.X"]]
