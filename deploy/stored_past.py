"""What commands about the past begin with: the days that are meant, and books whose schema this program knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from deploy.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from deploy.settings import Settings

__all__ = ["current_books", "days"]


def days(first: str, last: str) -> tuple[datetime, datetime]:
    """The beginning of one UTC day and the end of another. Raises UsageError where they are no days in this order."""
    try:
        since, until = (datetime.combine(date.fromisoformat(one), time.min, UTC) for one in (first, last))
    except ValueError:
        raise UsageError(f"--from {first} --to {last}: give days such as 2026-03-01") from None
    if until < since:
        raise UsageError(f"--from {first} lies after --to {last}")
    return since, until + timedelta(days=1)


@contextmanager
def current_books(settings: Settings, *, read_only: bool = False) -> Iterator[Engine]:
    """The database, whose schema must be the one that this program knows. Raises UsageError.

    With `read_only` the database itself refuses to write.
    """
    from deploy.services import open_services
    from storage.connection import connect
    from storage.schema import head, revision

    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=2, read_only=read_only)
        try:
            if (at := revision(engine)) != head():
                raise UsageError(f"the schema is at {at or 'nothing'}, {head()} is needed: run `yuqing migrate`")
            yield engine
        finally:
            engine.dispose()
