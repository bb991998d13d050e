"""Intake, as the settings want it: the bounds, and the processes that read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from deploy.settings import Settings

if TYPE_CHECKING:
    from stream.intake import Intake
    from stream.intake_workers import IntakeWorkers
    from stream.limits import Limits
    from stream.renewable_intake import RenewableIntake
    from stream.watchlist import Entity

__all__ = ["limits_of", "open_intake"]

_MOST_PROCESSES = 4
"""Where nobody set a number."""


def limits_of(settings: Settings) -> Limits:
    """The bounds of intake, as the stream wants them."""
    from stream.limits import Limits

    given = settings.intake.limits
    return Limits(
        record_bytes=given.record_bytes,
        json_bytes=given.json_bytes,
        raw_chars=given.raw_chars,
        title_chars=given.title_chars,
        body_chars=given.body_chars,
        oldest=datetime.combine(given.oldest, time(), tzinfo=UTC),
        future=timedelta(hours=given.future_hours),
    )


@contextmanager
def open_intake(
    settings: Settings, entities: Sequence[Entity], spare: int, clock: Callable[[], datetime]
) -> Iterator[RenewableIntake]:
    """Intake by a watch list, in this process, or in as many others as are set.

    Where nothing is set, it is as many as there are `spare` cores, up to 4.
    """
    from stream.intake_workers import IntakeWorkers
    from stream.renewable_intake import RenewableIntake

    processes = settings.intake.processes
    if processes is None:
        processes = min(max(spare, 0), _MOST_PROCESSES)
    limits = limits_of(settings)

    def make(entities: Sequence[Entity]) -> Intake | IntakeWorkers:
        if not processes:
            return _built(entities, limits, clock)
        workers = IntakeWorkers(partial(_built, entities, limits, clock), processes)
        workers.warm()
        return workers

    with RenewableIntake(make, entities) as intake:
        yield intake


def _built(entities: Sequence[Entity], limits: Limits, clock: Callable[[], datetime]) -> Intake:
    from stream.entities import EntityLinker
    from stream.intake import Intake

    return Intake(EntityLinker(entities), limits, clock)
