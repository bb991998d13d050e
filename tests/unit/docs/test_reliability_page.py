"""docs/reliability.md names the test of each promise; a test that is gone or renamed would leave a promise bare."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """The cells of every row of the page's tables, without their heads."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| promise |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_promise_names_a_test_and_has_a_place_for_what_is_not_promised() -> None:
    assert len(rows()) > 30
    for cells in rows():
        assert len(cells) == 3, cells
        assert NAMED.search(cells[1]), f"no test holds: {cells[0]}"


def test_what_holds_a_promise_is_nothing_but_tests() -> None:
    for _, held_by, _ in rows():
        assert NAMED.sub("", held_by).replace(",", "").strip() == "", held_by


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name.startswith("test_")


def test_every_topic_is_there() -> None:
    topics = ("Exactly once", "Event time", "Rebalance", "Dead letters", "Backfill", "Recovery", "Retraction", "Audit")
    for topic in (*topics, "Delivery"):
        assert f"\n## {topic}" in PAGE
