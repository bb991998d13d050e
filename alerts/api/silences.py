"""`/silences`: whom nobody is to be told of for a while."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerts.answers import silences
from alerts.answers.matchers import Matcher
from alerts.answers.silences import Silence
from alerts.api.access import Configurer, Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import TheParts
from alerts.api.problems import ProblemError
from alerts.api.wire import Body, Flag, Instant, Parameters
from alerts.errors import SilenceError

__all__ = ["router"]

router = APIRouter(prefix="/silences", tags=["silences"], route_class=TaggedRoute)


class MatcherOut(Body):
    """One condition, as in Alertmanager: `=`, `!=`, and `=~`, `!~` for regular expressions of the whole value."""

    label: Literal["alert", "entity", "name", "group", "topic", "detector", "severity"]
    operator: Literal["=", "!=", "=~", "!~"]
    value: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]

    @classmethod
    def of(cls, matcher: Matcher) -> MatcherOut:
        """A stored one."""
        return cls.model_validate({"label": matcher.label, "operator": matcher.operator, "value": matcher.value})


class NewSilence(Body):
    """What is to be silent, until when, and why."""

    matchers: Annotated[list[MatcherOut], Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
    ends_at: Instant
    starts_at: Instant | None = None


class SilenceOut(BaseModel):
    """A silence, and whether it is in force."""

    silence_id: UUID
    state: Literal["waiting", "active", "expired"]
    matchers: list[MatcherOut]
    reason: str
    created_by: str
    created_at: Instant
    starts_at: Instant
    ends_at: Instant
    expired_by: str


class SilenceQuery(Parameters):
    """Which silences."""

    expired: Flag = Field(default=False, description="Those that are over, too.")


@router.get("")
def list_silences(parts: TheParts, _: Reader, query: Annotated[SilenceQuery, Query()]) -> list[SilenceOut]:
    """Those that wait or are in force, newest first; 500 at most."""
    with parts.reading() as connection:
        found = silences.stored(connection, now=parts.clock(), expired=query.expired)
    return [_out(parts, silence) for silence in found]


@router.post("", status_code=201)
def add_silence(parts: TheParts, actor: Configurer, wanted: NewSilence) -> SilenceOut:
    """Begins a silence. Nothing is hidden by it: an alert that opens meanwhile is pending, and told of afterwards."""
    matchers = [Matcher(each.label, each.operator, each.value) for each in wanted.matchers]
    made = parts.desk.silence(
        matchers, actor=actor.name, reason=wanted.reason, ends_at=wanted.ends_at, starts_at=wanted.starts_at
    )
    return _out(parts, made)


@router.delete("/{silence_id}")
def end_silence(parts: TheParts, actor: Configurer, silence_id: UUID) -> SilenceOut:
    """Ends a silence now; what it held is told of within seconds."""
    try:
        return _out(parts, parts.desk.expire(silence_id, actor=actor.name))
    except SilenceError as error:
        raise ProblemError(404, "No such silence", str(error)) from error


def _out(parts: TheParts, silence: Silence) -> SilenceOut:
    kept = {name: getattr(silence, name) for name in SilenceOut.model_fields.keys() - {"state", "matchers"}}
    matchers = [MatcherOut.of(each) for each in silence.matchers]
    return SilenceOut(state=silence.state(parts.clock()), matchers=matchers, **kept)
