"""`yuqing alerts ack|snooze|resolve|reopen|comment|false-alarm|true-alarm`: answers to alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deploy.alert_desk import Actor, actor_of, open_desk
from deploy.moments import moment
from deploy.options import AsJson, Config, State
from deploy.output import emit

if TYPE_CHECKING:
    from alerts.desk import Answered, Desk

__all__ = ["add_answers"]

AlertId = Annotated[str, typer.Argument(help="The id, or its first characters (four or more).", metavar="ALERT")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the history.")]
For = Annotated[str, typer.Option("--for", help="How long, such as 90m, 2h or 1d.")]
Until = Annotated[str, typer.Option("--until", help="Until when, ISO 8601 with a zone.")]


def add_answers(app: typer.Typer) -> None:
    """Adds the commands to `yuqing alerts`."""
    commands: dict[str, Callable[..., int]] = {
        "ack": ack,
        "snooze": snooze,
        "resolve": resolve,
        "reopen": reopen,
        "comment": comment,
        "false-alarm": false_alarm,
        "true-alarm": true_alarm,
    }
    for name, command in commands.items():
        app.command(name)(command)


def ack(
    alert: AlertId,
    reason: Reason = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Take an alert: reminders end, colleagues see who has it."""
    return _answer(
        alert, lambda desk, key, who: desk.acknowledge(key, actor=who, reason=reason), by, as_json, config, state
    )


def snooze(
    alert: AlertId,
    for_: For = "",
    until: Until = "",
    reason: Reason = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Keep an alert quiet for a while; it wakes when the time is over, or when it grows worse."""
    from deploy.roles import now

    end = moment(now(), for_=for_, until=until)
    return _answer(
        alert, lambda desk, key, who: desk.snooze(key, actor=who, until=end, reason=reason), by, as_json, config, state
    )


def resolve(
    alert: AlertId,
    reason: Reason = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Say that it is over. Worse news of the same surge reopens it."""
    return _answer(
        alert, lambda desk, key, who: desk.resolve(key, actor=who, reason=reason), by, as_json, config, state
    )


def reopen(
    alert: AlertId,
    reason: Reason = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Say that it is not over."""
    return _answer(alert, lambda desk, key, who: desk.reopen(key, actor=who, reason=reason), by, as_json, config, state)


def comment(
    alert: AlertId,
    text: Annotated[str, typer.Argument(help="A line for the history.")],
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Add a line to the history."""
    return _answer(alert, lambda desk, key, who: desk.comment(key, actor=who, reason=text), by, as_json, config, state)


def false_alarm(
    alert: AlertId,
    reason: Reason = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Say that it should not have fired; it is resolved, and the verdict is kept for evaluation."""
    return _answer(
        alert,
        lambda desk, key, who: desk.judge(key, "false_alarm", actor=who, reason=reason),
        by,
        as_json,
        config,
        state,
    )


def true_alarm(
    alert: AlertId,
    reason: Reason = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Say that it was right to fire; the verdict is kept for evaluation."""
    return _answer(
        alert, lambda desk, key, who: desk.judge(key, "true", actor=who, reason=reason), by, as_json, config, state
    )


def _answer(
    alert: str,
    give: Callable[[Desk, UUID, str], Answered],
    by: str,
    as_json: bool,
    config: Path | None,
    state: Path | None,
) -> int:
    who = actor_of(by)
    with open_desk(config, state) as desk:
        answered = give(desk, desk.find(alert), who)
    emit(asdict(answered), as_json, _told)
    return 0


def _told(answered: dict[str, Any]) -> str:
    moved = "" if answered["before"] == answered["status"] else f", was {answered['before']}"
    until = f" until {answered['until']:%Y-%m-%d %H:%M %Z}" if answered["until"] else ""
    return f"{str(answered['alert_id'])[:8]} is {answered['status']}{until}{moved}; noted for {answered['actor']}."
