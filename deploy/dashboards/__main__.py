"""`python -m deploy.dashboards` writes dashboards and rules to their places below deploy/, or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.dashboards.files import files
from deploy.dashboards.rules import RUNBOOKS


def main(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("deploy"),
    runbooks: Annotated[str, typer.Option(help="Where docs/runbooks.md is, as a link that opens.")] = RUNBOOKS,
) -> None:
    """Write Grafana's dashboards and Prometheus's alarm rules."""
    for place, text in files(runbooks).items():
        path = out / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    typer.run(main)
