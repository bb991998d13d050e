"""How endpoints fare, kept in the database so that every process knows and a restart forgets nothing.

A circuit breaker: an endpoint that has failed several times in a row rests, ever longer, and is then tried with one
delivery; deliveries that wait for it use up none of their attempts. One that answered 410 is disabled until somebody
enables it: what is written for it meanwhile is dead, but kept, and can be replayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.tables import endpoint_states

__all__ = ["Breaker", "EndpointState", "disable", "enable", "failed", "recovered", "stored"]

_MOST_WHY = 500


@dataclass(frozen=True)
class EndpointState:
    """One endpoint that has a history. `failures` are those in a row."""

    endpoint: str
    failures: int
    resting_until: datetime | None
    disabled_at: datetime | None
    why: str
    enabled_by: str = ""


@dataclass(frozen=True)
class Breaker:
    """After `failures` in a row an endpoint rests for `first`, twice as long each time, at most `longest`."""

    failures: int = 5
    first: timedelta = timedelta(seconds=10)
    longest: timedelta = timedelta(minutes=10)

    def rest(self, failures: int) -> timedelta | None:
        """How long to rest after so many failures in a row; None: not yet."""
        beyond = failures - self.failures
        if beyond < 0:
            return None
        return min(self.first * float(2 ** min(beyond, 32)), self.longest)

    def slots(self, wanted: Mapping[str, int], states: Mapping[str, EndpointState], now: datetime) -> dict[str, int]:
        """Of the `wanted` attempts of each endpoint, how many may be made: none at rest, one after a rest."""
        allowed: dict[str, int] = {}
        for name, slots in wanted.items():
            state = states.get(name)
            if state is None or (state.disabled_at is None and state.failures < self.failures):
                allowed[name] = slots
            elif state.disabled_at is None and (state.resting_until is None or state.resting_until <= now):
                allowed[name] = min(slots, 1)
            else:
                allowed[name] = 0
        return allowed


def stored(connection: Connection) -> dict[str, EndpointState]:
    """Every endpoint that ever failed, by name."""
    return {row.endpoint: _state(row) for row in connection.execute(select(endpoint_states))}


def failed(connection: Connection, endpoint: str, breaker: Breaker, why: str, now: datetime) -> EndpointState:
    """Counts one failed attempt; says what that makes of the endpoint."""
    statement = insert(endpoint_states).values(endpoint=endpoint, failures=1, why=why[:_MOST_WHY], updated_at=now)
    statement = statement.on_conflict_do_update(
        index_elements=["endpoint"],
        set_={"failures": endpoint_states.c.failures + 1, "why": statement.excluded.why, "updated_at": now},
    )
    state = _state(connection.execute(statement.returning(*endpoint_states.c)).one())
    rest = breaker.rest(state.failures)
    if rest is not None:
        _set(connection, endpoint, resting_until=now + rest)
    return state


def recovered(connection: Connection, endpoints: Iterable[str], now: datetime) -> None:
    """Forgets the failures of endpoints that took a delivery; touches nothing where there were none."""
    names = sorted(set(endpoints))
    if names:
        statement = update(endpoint_states).where(endpoint_states.c.endpoint.in_(names), endpoint_states.c.failures > 0)
        connection.execute(statement.values(failures=0, resting_until=None, updated_at=now))


def disable(connection: Connection, endpoint: str, why: str, now: datetime) -> None:
    """Calls nobody there any more, until it is enabled."""
    values = {"disabled_at": now, "why": why[:_MOST_WHY], "enabled_by": "", "updated_at": now}
    statement = insert(endpoint_states).values(endpoint=endpoint, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["endpoint"], set_=values))


def enable(connection: Connection, endpoint: str, *, actor: str, now: datetime) -> bool:
    """Calls it again, at once; says whether it was disabled or resting."""
    stopped = endpoint_states.c.disabled_at.is_not(None) | endpoint_states.c.resting_until.is_not(None)
    statement = update(endpoint_states).where(endpoint_states.c.endpoint == endpoint, stopped)
    values = {"failures": 0, "resting_until": None, "disabled_at": None, "enabled_by": actor, "updated_at": now}
    return connection.execute(statement.values(**values)).rowcount > 0


def _set(connection: Connection, endpoint: str, **values: Any) -> None:
    connection.execute(update(endpoint_states).where(endpoint_states.c.endpoint == endpoint).values(**values))


def _state(row: Row[Any]) -> EndpointState:
    return EndpointState(
        endpoint=row.endpoint,
        failures=row.failures,
        resting_until=row.resting_until,
        disabled_at=row.disabled_at,
        why=row.why,
        enabled_by=row.enabled_by,
    )
