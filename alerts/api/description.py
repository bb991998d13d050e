"""Writes the published OpenAPI description: `python -m alerts.api.description docs/schemas`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import msgspec

from alerts.api.app import api_app
from alerts.api.parts import Parts

__all__ = ["rendered"]


def rendered() -> str:
    """The text of the file. The description needs the routes, not what they lean on."""
    app = api_app(cast(Parts, None))
    return msgspec.json.format(msgspec.json.encode(app.openapi())).decode() + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / "openapi-v1.json").write_text(rendered(), encoding="utf-8")
