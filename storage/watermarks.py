"""The low watermark: the time up to which event time is believed to be complete."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

__all__ = ["advance", "low_watermark"]

# A topic whose records carry no event time (documents.dead) says nothing about completeness. A partition that was
# expected and has brought nothing yet stands at -infinity: it holds the others back until it counts as idle.
_LOW = text(
    """
    SELECT greatest(
        (SELECT final_until FROM finality),
        (SELECT nullif(coalesce(min(event_time) FILTER (WHERE updated_at > :busy_since), max(event_time)), '-infinity')
                - CAST(:lateness AS interval)
         FROM positions WHERE event_time IS NOT NULL)
    )
    """
)

_ADVANCE = text("UPDATE finality SET final_until = :low WHERE final_until IS NULL OR final_until < :low")


def low_watermark(
    connection: Connection, *, now: datetime, idle_after: timedelta, allowed_lateness: timedelta
) -> datetime | None:
    """The lowest event time reached over the partitions of documents.scored, less `allowed_lateness`; aware UTC.

    Partitions that moved within `idle_after` before `now` count; when none did, the newest event time of all. It
    never falls below what was once called final. None while nothing was read.
    """
    parameters = {"busy_since": now - idle_after, "lateness": allowed_lateness}
    low: datetime | None = connection.execute(_LOW, parameters).scalar_one()
    return low


def advance(
    connection: Connection, *, now: datetime, idle_after: timedelta, allowed_lateness: timedelta
) -> datetime | None:
    """Calls final what ends by the low watermark, and returns it. The view `trends` shows it from the commit on."""
    low = low_watermark(connection, now=now, idle_after=idle_after, allowed_lateness=allowed_lateness)
    if low is not None:
        connection.execute(_ADVANCE, {"low": low})
    return low
