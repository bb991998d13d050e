"""`yuqing watchlist check`: reads watch lists as the scorer would, and names every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit

__all__ = ["app"]

app = typer.Typer(help="The companies to watch.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The companies to watch."""


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="CSV files; none: those of the settings.")] = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Read watch lists together with the default one; name every mistake with its line."""
    from stream.watchlist import load

    intake = read_settings(config, state).intake
    chosen = files or list(intake.watchlists)
    entities = load(chosen, include_default=intake.default_watchlist)
    own = load(chosen, include_default=False)
    result = {
        "files": [str(path) for path in chosen],
        "own": len(own),
        "entities": len(entities),
        "names": sum(1 + len(one.aliases) + len(one.tickers) for one in entities),
    }
    emit(
        result,
        as_json,
        lambda found: f"{found['entities']:,} companies, {found['own']:,} of them yours, {found['names']:,} names.",
    )
    return 0
