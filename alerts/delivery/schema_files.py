"""Writes the published JSON Schemas: `python -m alerts.delivery.schema_files docs/schemas`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from alerts.delivery.payload import schemas

__all__ = ["rendered", "write"]


def rendered() -> dict[str, str]:
    """The text of each schema file, by its name."""
    return {
        name: msgspec.json.format(msgspec.json.encode(schema)).decode() + "\n" for name, schema in schemas().items()
    }


def write(folder: Path) -> None:
    """Writes every schema into `folder`."""
    for name, content in rendered().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
