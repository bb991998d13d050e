"""docs/asvs.md has every requirement of levels 1 and 2 once, with tests that exist or with a reason."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PAGE = (TESTS.parent / "docs" / "asvs.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
REASON = re.compile(r"\*By design\*: |\*Operator\*: |\*\*Not met\*\*")

# How many requirements of levels 1 and 2 each section of version 5.0.0 has; their numbers begin with 1, without gaps.
REQUIREMENTS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4,
    "17.3": 2,
}  # fmt: skip


def rows() -> list[list[str]]:
    """The cells of every row of the page's tables, without their heads."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| no. |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def numbers(cell: str) -> Iterator[str]:
    """`4.4.1 to 4.4.4, 5.1.1` one by one."""
    for part in cell.split(", "):
        first, _, last = part.partition(" to ")
        section, _, begin = first.rpartition(".")
        end = last.removeprefix(section + ".") if last else begin
        yield from (f"{section}.{number}" for number in range(int(begin), int(end) + 1))


def test_every_requirement_is_there_once_and_nothing_else() -> None:
    wanted = {f"{section}.{number}" for section, count in REQUIREMENTS.items() for number in range(1, count + 1)}
    found = Counter(number for cells in rows() for number in numbers(cells[0]))
    assert len(wanted) == 253
    assert [number for number, times in found.items() if times > 1] == []
    assert set(found) ^ wanted == set()


def test_each_is_held_by_tests_or_has_a_reason() -> None:
    for cells in rows():
        if len(cells) == 2:
            assert len(cells[1].split()) >= 4, cells
            continue
        what, held_by = cells[1:]
        assert what
        if NAMED.search(held_by):
            assert NAMED.sub("", held_by).replace(",", "").strip() == "", held_by
        else:
            assert REASON.match(held_by), held_by
            assert len(held_by.split()) >= 5, held_by


def test_what_is_not_met_is_said_at_the_top() -> None:
    top = PAGE.split("## What falls short")[1].split("## V1")[0]
    for cells in rows():
        if "**Not met**" in " ".join(cells[1:]):
            assert any(number in top for number in numbers(cells[0])), cells[0]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name.startswith("test_")
