"""The desk of one installation, for one command: its database, its endpoints, the real clock."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.errors import UsageError
from deploy.options import read_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from alerts.desk import Desk

__all__ = ["Actor", "actor_of", "alert_books", "open_desk"]

Actor = Annotated[str, typer.Option("--by", help="Who says so; default: the user of this session.")]


def actor_of(given: str) -> str:
    """Who answers. Raises UsageError where nothing says who."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("it is not known who you are: give --by NAME") from error


@contextmanager
def alert_books(config: Path | None, state: Path | None) -> Iterator[Engine]:
    """The database, the embedded stack started for it where it is wanted and does not run."""
    from deploy.services import open_services
    from storage.connection import connect

    settings = read_settings(config, state)
    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def open_desk(config: Path | None, state: Path | None) -> Iterator[Desk]:
    """Where alerts are answered; what follows is queued for the configured endpoints."""
    from alerts.desk import Desk
    from deploy.alert_parts import endpoints_of
    from deploy.roles import now

    settings = read_settings(config, state)
    with alert_books(config, state) as engine:
        yield Desk(engine, endpoints_of(settings), now)
