"""Options that several commands share, and how they become settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from deploy.settings import Settings

__all__ = ["AsJson", "Config", "State", "WatchLists", "read_settings"]

Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file; default: $YUQING_CONFIG, else yuqing.toml.")
]
State = Annotated[Path | None, typer.Option("--state", help="State folder; default: .yuqing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
WatchLists = Annotated[
    list[Path] | None, typer.Option("--watchlist", help="A watch list CSV beside the configured ones; repeatable.")
]


def read_settings(config: Path | None, state: Path | None, watchlists: list[Path] | None = None) -> Settings:
    """The settings with these flags on top. A watch list flag adds to the configured lists. Raises SettingsError.

    Logs go to stderr from here on, warnings and worse; the daemon asks for more by itself.
    """
    from deploy.logs import configure_logs
    from deploy.settings import load_settings

    flags: dict[str, Any] = {} if state is None else {"state_folder": state}
    settings = load_settings(config, flags)
    if watchlists:
        flags["intake"] = {"watchlists": [*settings.intake.watchlists, *watchlists]}
        settings = load_settings(config, flags)
    configure_logs(format=settings.logs.format, level="warning")
    return settings
