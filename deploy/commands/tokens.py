"""`yuqing tokens create|list|revoke`: who may use the API and the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit, table

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from alerts.tokens import Scope, Token

__all__ = ["app"]

app = typer.Typer(help="Who may use the API and the console.", no_args_is_help=True)


class Role(StrEnum):
    """What its bearer may: read, act on alerts, configure."""

    viewer = "viewer"
    analyst = "analyst"
    operator = "operator"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The person or program that it is for; the history of alerts names it.")],
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.analyst,
    days: Annotated[float, typer.Option(help="How long it opens anything, at most 366.")] = 90,
    scope: Annotated[list[str] | None, typer.Option(help="Only this of what the role may; repeatable.")] = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Make a token and show it, once: only its hash is kept."""
    from alerts import tokens
    from deploy.roles import now

    with _connected(config, state) as connection:
        scopes = None if scope is None else cast("list[Scope]", scope)
        token, shown = tokens.create(connection, name, role.value, now=now(), lasts=timedelta(days=days), scopes=scopes)
    emit(
        _brief(token) | {"token": shown},
        as_json,
        lambda made: (
            f"{made['token']}\n\n{name}, {role.value}, until {token.expires_at:%Y-%m-%d %H:%M}Z. "
            "Keep it: it cannot be shown again."
        ),
    )
    return 0


@app.command("list")
def list_tokens(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """List tokens by their prefix: whose they are, what they may, when they were last used."""
    from alerts import tokens
    from deploy.roles import now

    with _connected(config, state) as connection:
        found = [_brief(token) | {"state": token.state(now())} for token in tokens.stored(connection)]
    emit({"tokens": found}, as_json, lambda result: _listed(result["tokens"]))
    return 0


@app.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="The prefix that `list` shows.")],
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """End a token at once, and every login that was made with it."""
    from alerts import tokens
    from deploy.roles import now

    with _connected(config, state) as connection:
        token = tokens.revoke(connection, prefix, now())
    emit(_brief(token), as_json, lambda _: f"The token {prefix} of {token.name} opens nothing any more.")
    return 0


@contextmanager
def _connected(config: Path | None, state: Path | None) -> Iterator[Connection]:
    from deploy.services import open_services
    from storage.connection import connect

    settings = read_settings(config, state)
    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()


def _brief(token: Token) -> dict[str, Any]:
    names = ("prefix", "name", "role", "scopes", "created_at", "expires_at", "last_used_at")
    return {name: getattr(token, name) for name in names}


def _listed(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No tokens. `yuqing tokens create NAME` makes one."
    head = ["prefix", "name", "role", "state", "expires", "last used"]
    times = [
        [f"{row[name]:%Y-%m-%d %H:%M}Z" if row[name] else "never" for name in ("expires_at", "last_used_at")]
        for row in rows
    ]
    cells = [[row["prefix"], row["name"], row["role"], row["state"], *at] for row, at in zip(rows, times, strict=True)]
    return table(head, cells)
