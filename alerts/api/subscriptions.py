"""`/subscriptions`: which analyst hears of which alerts at which endpoint, and when not."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, Field

from alerts.answers.matchers import Matcher
from alerts.api.access import Configurer, Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import TheParts
from alerts.api.problems import ProblemError
from alerts.api.silences import MatcherOut
from alerts.api.wire import Body, Instant, Parameters, Short, whole
from alerts.delivery import subscriptions
from alerts.delivery.quiet_hours import QuietHours
from alerts.delivery.subscriptions import Subscription
from alerts.detection.thresholds import Severity
from alerts.errors import AnswerError, WrongSettingError

__all__ = ["router"]

router = APIRouter(prefix="/subscriptions", tags=["subscriptions"], route_class=TaggedRoute)

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM in the zone.")]

_TIER = Field(ge=0, le=20, description="0: at once; n: after n reminders without an answer.")


class NewSubscription(Body):
    """What one analyst wants to hear at one endpoint. An endpoint without any subscription hears of everything."""

    analyst: Name
    endpoint: Name = Field(description="The name of a webhook or channel in the settings.")
    matchers: Annotated[list[MatcherOut], Field(max_length=20)] = Field(default_factory=list)
    min_severity: Severity = "watch"
    tier: Annotated[int, _TIER, BeforeValidator(whole)] = 0
    quiet_from: Clock = "00:00"
    quiet_until: Clock = Field(default="00:00", description="Equal to quiet_from: no quiet hours.")
    zone: Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9_+/-]+$")] = "UTC"
    calendar: Annotated[str, Field(max_length=20, pattern=r"^[A-Z0-9]*$")] = ""
    breakthrough: Severity | Literal[""] = Field(default="critical", description="What is told in quiet hours too.")


class SubscriptionOut(BaseModel):
    """A subscription."""

    subscription_id: UUID
    analyst: str
    endpoint: str
    matchers: list[MatcherOut]
    min_severity: Severity
    tier: int
    quiet_from: str
    quiet_until: str
    zone: str
    calendar: str
    breakthrough: Severity | Literal[""]
    created_by: str
    created_at: Instant


class SubscriptionQuery(Parameters):
    """Whose subscriptions."""

    analyst: Short = ""


@router.get("")
def list_subscriptions(
    parts: TheParts, _: Reader, query: Annotated[SubscriptionQuery, Query()]
) -> list[SubscriptionOut]:
    """All, or those of one analyst, oldest first."""
    with parts.reading() as connection:
        return [_out(each) for each in subscriptions.stored(connection, query.analyst)]


@router.post("", status_code=201)
def add_subscription(parts: TheParts, actor: Configurer, wanted: NewSubscription) -> SubscriptionOut:
    """Makes one. From then on its endpoint hears only of what its subscriptions let through."""
    try:
        quiet = QuietHours(time.fromisoformat(wanted.quiet_from), time.fromisoformat(wanted.quiet_until), wanted.zone)
    except WrongSettingError as error:
        raise ProblemError(400, "No such zone", str(error)) from error
    made = Subscription(
        wanted.analyst,
        wanted.endpoint,
        actor.name,
        parts.clock(),
        matchers=tuple(Matcher(each.label, each.operator, each.value) for each in wanted.matchers),
        min_severity=wanted.min_severity,
        tier=wanted.tier,
        quiet=quiet,
        calendar=wanted.calendar,
        breakthrough=wanted.breakthrough or None,
    )
    with parts.writing() as connection:
        return _out(subscriptions.add(connection, made))


@router.delete("/{subscription_id}")
def remove_subscription(parts: TheParts, _: Configurer, subscription_id: UUID) -> SubscriptionOut:
    """Takes one away. The last one of an endpoint gone, it hears of everything again."""
    with parts.writing() as connection:
        try:
            found = subscriptions.find(connection, str(subscription_id))
        except AnswerError as error:
            raise ProblemError(404, "No such subscription", str(error)) from error
        subscriptions.remove(connection, subscription_id)
    return _out(found)


def _out(subscription: Subscription) -> SubscriptionOut:
    return SubscriptionOut(
        subscription_id=subscription.subscription_id,
        analyst=subscription.analyst,
        endpoint=subscription.endpoint,
        matchers=[MatcherOut.of(matcher) for matcher in subscription.matchers],
        min_severity=subscription.min_severity,
        tier=subscription.tier,
        quiet_from=f"{subscription.quiet.start:%H:%M}",
        quiet_until=f"{subscription.quiet.end:%H:%M}",
        zone=subscription.quiet.zone,
        calendar=subscription.calendar,
        breakthrough=subscription.breakthrough or "",
        created_by=subscription.created_by,
        created_at=subscription.created_at,
    )
