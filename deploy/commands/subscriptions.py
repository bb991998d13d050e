"""`yuqing subscriptions list|add|remove`: which analyst hears of what, where and when."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.alert_desk import Actor, actor_of, alert_books
from deploy.errors import UsageError
from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit, table

if TYPE_CHECKING:
    from alerts.delivery.quiet_hours import QuietHours
    from alerts.delivery.subscriptions import Subscription

__all__ = ["app"]

app = typer.Typer(help="Which analyst hears of what, where and when.", no_args_is_help=True)

_SEVERITIES = ("watch", "warning", "critical")


@app.command("list")
def list_subscriptions(
    analyst: Annotated[str, typer.Option(help="Only those of this analyst.")] = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """List subscriptions. An endpoint without any hears of everything."""
    from alerts.delivery.subscriptions import stored

    with alert_books(config, state) as engine, engine.connect() as connection:
        found = [_plain(each) for each in stored(connection, analyst)]
    emit({"subscriptions": found}, as_json, lambda result: _listed(result["subscriptions"]))
    return 0


@app.command()
def add(
    analyst: Annotated[str, typer.Argument(help="Whose it is.")],
    endpoint: Annotated[str, typer.Argument(help="A webhook's or channel's name in the settings.")],
    matchers: Annotated[list[str] | None, typer.Argument(help="Such as entity=ID or group=banks; none: all.")] = None,
    min_severity: Annotated[str, typer.Option(help="watch, warning or critical.")] = "watch",
    tier: Annotated[int, typer.Option(help="0: at once; n: after n reminders that nobody answered.", min=0)] = 0,
    quiet: Annotated[str, typer.Option(help="Hours of quiet, local, such as 22:00-07:00.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone of these hours, such as Asia/Shanghai.")] = "UTC",
    calendar: Annotated[str, typer.Option(help="Quiet while this market is closed, such as XSHG.")] = "",
    breakthrough: Annotated[str, typer.Option(help="What is told in quiet hours too; none: nothing.")] = "critical",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Let ANALYST hear at ENDPOINT of alerts that match all MATCHERS."""
    from alerts.answers.matchers import parse
    from alerts.delivery import subscriptions
    from deploy.alert_parts import endpoints_of
    from deploy.roles import now

    names = [one.name for one in endpoints_of(read_settings(config, state))]
    if endpoint not in names:
        raise UsageError(f"there is no webhook or channel {endpoint!r}; there are: {', '.join(names) or 'none'}")
    for option, value, allowed in (
        ("--min-severity", min_severity, _SEVERITIES),
        ("--breakthrough", breakthrough, (*_SEVERITIES, "none")),
    ):
        if value not in allowed:
            raise UsageError(f"{option} is {value!r}; give one of {', '.join(allowed)}")
    given = subscriptions.Subscription(
        analyst,
        endpoint,
        created_by=actor_of(by),
        created_at=now(),
        matchers=tuple(parse(each) for each in matchers or ()),
        min_severity=min_severity,  # type: ignore[arg-type]
        tier=tier,
        quiet=_quiet(quiet, zone),
        calendar=calendar,
        breakthrough=None if breakthrough == "none" else breakthrough,  # type: ignore[arg-type]
    )
    with alert_books(config, state) as engine, engine.begin() as connection:
        subscriptions.add(connection, given)
    emit(_plain(given), as_json, lambda one: f"{str(one['subscription_id'])[:8]}: {analyst} hears at {endpoint}.")
    return 0


@app.command()
def remove(
    subscription: Annotated[str, typer.Argument(help="The id, or its first characters.")],
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Take a subscription away."""
    from alerts.delivery import subscriptions

    with alert_books(config, state) as engine, engine.begin() as connection:
        found = subscriptions.find(connection, subscription)
        subscriptions.remove(connection, found.subscription_id)
    emit(_plain(found), as_json, lambda one: f"{str(one['subscription_id'])[:8]} is gone.")
    return 0


def _quiet(hours: str, zone: str) -> QuietHours:
    from alerts.delivery.quiet_hours import QuietHours

    if not hours:
        return QuietHours(zone=zone)
    start, _, end = hours.partition("-")
    try:
        return QuietHours(time.fromisoformat(start), time.fromisoformat(end), zone)
    except ValueError as error:
        raise UsageError(f"--quiet is {hours!r}; give two local times, such as 22:00-07:00") from error


def _plain(one: Subscription) -> dict[str, Any]:
    hours = "" if one.quiet.start == one.quiet.end else f"{one.quiet.start:%H:%M}-{one.quiet.end:%H:%M}"
    return {
        "subscription_id": one.subscription_id,
        "analyst": one.analyst,
        "endpoint": one.endpoint,
        "matchers": [str(matcher) for matcher in one.matchers],
        "min_severity": one.min_severity,
        "tier": one.tier,
        "quiet": hours,
        "zone": one.quiet.zone,
        "calendar": one.calendar,
        "breakthrough": one.breakthrough,
        "created_by": one.created_by,
    }


def _listed(found: list[dict[str, Any]]) -> str:
    if not found:
        return "No subscriptions: every endpoint hears of everything it wants."
    head = ["subscription", "analyst", "endpoint", "matchers", "min_severity", "tier", "quiet", "zone", "calendar"]
    rows = [
        (str(one["subscription_id"])[:8], one["analyst"], one["endpoint"], " ".join(one["matchers"]) or "all",
         one["min_severity"], one["tier"], one["quiet"], one["zone"], one["calendar"])
        for one in found
    ]  # fmt: skip
    return table(head, rows)
