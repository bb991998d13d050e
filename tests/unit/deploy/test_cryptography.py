"""What guards something is made by the libraries that are for it: no hash of yesterday, no guessable number."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from promql import ROOMS, ROOT

HASHES = {"sha256", "blake2b"}
SECRET = re.compile(r"secret|token(?!s?_|izer)|password|nonce|salt|proof|key$", re.IGNORECASE)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def hashes_in(tree: ast.Module) -> set[str]:
    """The names of hash functions that a module uses."""
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hashlib"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "hashlib":
            used |= {each.name for each in node.names}
    return used


def guessable(tree: ast.Module) -> set[str]:
    """Secrets by their names that are drawn by a generator for statistics."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and re.search(r"\b(random|rng)\.", ast.unparse(node.value)):
            found |= {name for target in node.targets if SECRET.search(name := ast.unparse(target))}
    return found


def test_no_weak_hash_or_random_number_guards_anything() -> None:
    hashing = {file: used for file, tree in sources() if (used := hashes_in(tree))}
    assert Path("alerts/tokens.py") in hashing
    assert {file: used - HASHES for file, used in hashing.items() if used - HASHES} == {}
    assert {file: names for file, tree in sources() if (names := guessable(tree))} == {}


def test_a_weak_one_would_be_noticed() -> None:
    weak = ast.parse("import hashlib, random\nsecret = str(random.random())\ndigest = hashlib.md5(b'')\n")
    assert guessable(weak) == {"secret"}
    assert hashes_in(weak) - HASHES == {"md5"}
    assert hashes_in(ast.parse("from hashlib import sha1")) == {"sha1"}
