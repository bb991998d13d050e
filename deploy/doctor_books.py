"""The examinations of `yuqing doctor` that look into the database: schema, market days, what is to be matched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deploy.examination import Patient, WrongError, running

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["database", "markets", "matchers"]


def database(patient: Patient) -> str:
    """The database answers, can be written to, and has the newest schema."""
    from storage.absence import ADVICE, unwritable
    from storage.connection import connect
    from storage.schema import head, revision

    engine = connect(running(patient).database_url, pool_size=1)
    try:
        at, why = revision(engine), unwritable(engine)
    finally:
        engine.dispose()
    if why:
        raise WrongError(f"it takes no writes: {why.replace('_', ' ')}", fix=ADVICE[why])
    if at != head():
        raise WrongError(f"schema {at or 'empty'}, this program wants {head()}", fix="run `yuqing migrate`.")
    return f"schema {at}"


def markets(patient: Patient) -> str:
    """Every configured market calendar reaches today: news after its end would be in no session."""
    from deploy.market_days import RENEW
    from storage.market_sessions import known_until

    with _books(patient) as connection:
        known = known_until(connection)
    wanted = patient.settings.markets.calendars
    if missing := [name for name in wanted if name not in known]:
        raise WrongError(f"no sessions of {', '.join(missing)} yet", fix="run `yuqing migrate`.")
    if ended := [f"{name} ended {known[name]}" for name in wanted if known[name] < datetime.now(UTC).date()]:
        raise WrongError("; ".join(ended), fix=f"{RENEW}, then `yuqing migrate`.")
    return ", ".join(f"{name} to {known[name]}" for name in wanted) or "none is configured"


def matchers(patient: Patient) -> str:
    """Every matcher of a silence that is not over, and of a subscription, can be run: others match nothing."""
    from alerts.answers import silences
    from alerts.answers.matchers import refused
    from alerts.delivery import subscriptions

    with _books(patient) as connection:
        silent, told = silences.stored(connection, now=datetime.now(UTC)), subscriptions.stored(connection)
    found = [(f"silence {one.silence_id}", refused(one.matchers)) for one in silent]
    found += [(f"subscription {one.subscription_id}", refused(one.matchers)) for one in told]
    if wrong := [f"{name}: {faults[0].why}" for name, faults in found if faults]:
        fix = "`yuqing silences expire ID` or `yuqing subscriptions remove ID`, then add it with what can be run."
        raise WrongError("; ".join(wrong), fix=fix)
    return f"those of {len(silent)} silences and {len(told)} subscriptions can be run"


@contextmanager
def _books(patient: Patient) -> Iterator[Connection]:
    """The database, where it has the newest schema."""
    from storage.connection import connect
    from storage.schema import head, revision

    engine = connect(running(patient).database_url, pool_size=1)
    try:
        if revision(engine) != head():
            raise WrongError("not known before the schema is there", fix="run `yuqing migrate`.")
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
