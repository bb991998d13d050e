"""The low watermark: the time up to which event time is believed to be complete.

A partition that has been silent for a while does not hold the others back. Silence is measured by wall clocks, which
are set, and by processes, which stop. So whoever looks notes when; where the next look is further away than silence
may last, in either direction, nobody was looking or a clock was set, and silence counts from that look on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, text

__all__ = ["advance", "look", "low_watermark"]

_log = structlog.get_logger()

# A topic whose records carry no event time (documents.dead) says nothing about completeness. A partition that was
# expected and has brought nothing yet stands at -infinity: it holds the others back until it counts as idle. One that
# moved at a time which is still to come (a clock was set back) has been silent since that was noticed.
_LOW = text(
    """
    SELECT greatest(
        (SELECT final_until FROM finality),
        (SELECT nullif(coalesce(min(event_time) FILTER (WHERE moved_at > :busy_since), max(event_time)), '-infinity')
                - CAST(:lateness AS interval)
         FROM (
             SELECT event_time,
                    CASE WHEN updated_at > :ahead THEN coalesce(silent_from, updated_at)
                         ELSE greatest(updated_at, silent_from) END AS moved_at
             FROM positions, finality
             WHERE event_time IS NOT NULL
         ) p)
    )
    """
)

_ADVANCE = text("UPDATE finality SET final_until = :low WHERE final_until IS NULL OR final_until < :low")

_LOOKED = text("SELECT looked_at FROM finality")

_LOOK = text(
    """
    UPDATE finality f
    SET silent_from = CASE WHEN CAST(:now AS timestamptz) BETWEEN before.looked_at - CAST(:patience AS interval)
                                                              AND before.looked_at + CAST(:patience AS interval)
                           THEN f.silent_from ELSE :now END,
        looked_at = :now
    FROM (SELECT looked_at FROM finality FOR UPDATE) before
    WHERE before.looked_at IS NULL OR CAST(:now AS timestamptz)
          NOT BETWEEN before.looked_at - CAST(:patience AS interval) / 4
                  AND before.looked_at + CAST(:patience AS interval) / 4
    RETURNING before.looked_at
    """
)

# What was to be tried in five minutes is to be tried in five minutes, not in a day and five minutes.
_CALL_EARLIER = text(
    """
    UPDATE deliveries SET next_attempt_at = next_attempt_at - CAST(:by AS interval)
    WHERE state = 'pending' AND next_attempt_at > CAST(:now AS timestamptz)
    """
)


def look(connection: Connection, *, now: datetime, idle_after: timedelta) -> timedelta:
    """Notes that somebody looks at `now`, and returns how far that is from where the last look should have led.

    Zero where all is well. Where it is not, silence counts from `now` on; where the clock went back, attempts that
    are to come are moved back with it. Call it more often than every `idle_after`; it seldom writes.
    """
    before: datetime | None = connection.execute(_LOOKED).scalar_one()
    if before is not None and abs(now - before) <= idle_after / 4:
        return timedelta()
    noted: datetime | None = connection.execute(_LOOK, {"now": now, "patience": idle_after}).scalar()
    if noted is None or abs(now - noted) <= idle_after:
        return timedelta()
    jump = now - noted
    _log.warning("clock_jumped_or_nobody_looked", seconds=jump.total_seconds())
    if jump < timedelta():
        connection.execute(_CALL_EARLIER, {"by": -jump, "now": now})
    return jump


def low_watermark(
    connection: Connection, *, now: datetime, idle_after: timedelta, allowed_lateness: timedelta
) -> datetime | None:
    """The lowest event time reached over the partitions of documents.scored, less `allowed_lateness`; aware UTC.

    Partitions that moved within `idle_after` before `now` count; when none did, the newest event time of all. It
    never falls below what was once called final. None while nothing was read.
    """
    parameters = {"busy_since": now - idle_after, "ahead": now + idle_after, "lateness": allowed_lateness}
    low: datetime | None = connection.execute(_LOW, parameters).scalar_one()
    return low


def advance(
    connection: Connection, *, now: datetime, idle_after: timedelta, allowed_lateness: timedelta
) -> datetime | None:
    """Looks, calls final what ends by the low watermark, and returns it. `trends` shows it from the commit on."""
    look(connection, now=now, idle_after=idle_after)
    low = low_watermark(connection, now=now, idle_after=idle_after, allowed_lateness=allowed_lateness)
    if low is not None:
        connection.execute(_ADVANCE, {"low": low})
    return low
