"""What is installed is what was tested: every package that ours needs is pinned to one version."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PINNED = {canonicalize_name(line.split("==")[0]): line for line in LINES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("embedded", "train", "watchlist", "dashboards", "test")


def ours() -> list[Requirement]:
    """What ours asks for by itself, with whatever its tests need."""
    extras = [line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra]]
    return [Requirement(line) for line in (*PROJECT["dependencies"], *extras)]


def wanted(package: str, extras: set[str]) -> Iterator[Requirement]:
    """What a package asks for here, with these extras."""
    for line in requires(package) or []:
        asked = Requirement(line)
        if asked.marker is None or any(asked.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield asked


def needed() -> set[str]:
    """Every package that ours needs, directly or by another."""
    found: set[str] = set()
    waiting = ours()
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name in found or name == "yuqing":
            continue
        found.add(name)
        try:
            waiting += wanted(name, set(asked.extras))
        except PackageNotFoundError:
            found.discard(name)  # only elsewhere: another system, another Python
    return found


def test_every_package_that_is_needed_is_pinned_to_one_version() -> None:
    assert len(needed()) > 100
    assert sorted(needed() - set(PINNED)) == []


def test_a_pin_is_one_version_of_a_registry_and_no_address() -> None:
    for line in LINES:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line), line


def test_installing_heeds_the_pins() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installing = [line for line in makefile.splitlines() if "$(PIP)" in line and ("-e " in line or "'.[" in line)]
    assert installing
    assert all("-c constraints.txt" in line for line in installing)
    assert "pip install --constraint constraints.txt ." in (ROOT / "deploy" / "docker" / "Dockerfile").read_text(
        encoding="utf-8"
    )
