"""`yuqing silences list|add|expire`: whom nobody is to be told of for a while."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.alert_desk import Actor, actor_of, alert_books, open_desk
from deploy.moments import moment
from deploy.options import AsJson, Config, State
from deploy.output import emit, table

if TYPE_CHECKING:
    from alerts.answers.silences import Silence

__all__ = ["add_silence", "app"]

app = typer.Typer(help="Whom nobody is to be told of for a while.", no_args_is_help=True)

Matchers = Annotated[
    list[str], typer.Argument(help='Such as entity=ID, group=banks, severity!=critical or name=~"Bank.*".')
]


@app.command("list")
def list_silences(
    expired: Annotated[bool, typer.Option("--expired", help="Those that are over, too.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """List silences that wait or are in force."""
    from alerts.answers.silences import stored
    from deploy.roles import now

    with alert_books(config, state) as engine, engine.connect() as connection:
        found = [_plain(each, now()) for each in stored(connection, now=now(), expired=expired)]
    emit({"silences": found}, as_json, lambda result: _listed(result["silences"]))
    return 0


@app.command("add")
def add_silence(
    matchers: Matchers,
    reason: Annotated[str, typer.Option("--reason", help="Why; whoever wonders reads it.")],
    for_: Annotated[str, typer.Option("--for", help="How long, such as 90m, 2h or 1d.")] = "",
    until: Annotated[str, typer.Option("--until", help="Until when, ISO 8601 with a zone.")] = "",
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Silence what matches all MATCHERS. What opens meanwhile is pending, and told of when the silence ends."""
    from alerts.answers.matchers import parse
    from deploy.roles import now

    chosen = [parse(each) for each in matchers]
    ends_at = moment(now(), for_=for_, until=until)
    who = actor_of(by)
    with open_desk(config, state) as desk:
        silence = desk.silence(chosen, actor=who, reason=reason, ends_at=ends_at)
    emit(
        _plain(silence, now()),
        as_json,
        lambda one: f"{str(one['silence_id'])[:8]}: silent until {_minute(one['ends_at'])}.",
    )
    return 0


@app.command()
def expire(
    silence: Annotated[str, typer.Argument(help="The id, or its first characters.")],
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """End a silence now. What it held is told of within seconds."""
    from alerts.answers.silences import find
    from deploy.roles import now

    who = actor_of(by)
    with alert_books(config, state) as engine, engine.connect() as connection:
        key = find(connection, silence)
    with open_desk(config, state) as desk:
        ended = desk.expire(key, actor=who)
    emit(_plain(ended, now()), as_json, lambda one: f"{str(one['silence_id'])[:8]} has ended.")
    return 0


def _plain(silence: Silence, now: datetime) -> dict[str, Any]:
    return {
        "silence_id": silence.silence_id,
        "state": silence.state(now),
        "matchers": [str(matcher) for matcher in silence.matchers],
        "reason": silence.reason,
        "created_by": silence.created_by,
        "created_at": silence.created_at,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "expired_by": silence.expired_by,
    }


def _listed(found: list[dict[str, Any]]) -> str:
    if not found:
        return "No silences."
    head = ["silence", "state", "until", "matchers", "by", "reason"]
    rows = [
        (
            str(one["silence_id"])[:8],
            one["state"],
            _minute(one["ends_at"]),
            " ".join(one["matchers"]),
            one["created_by"],
            one["reason"],
        )
        for one in found
    ]
    return table(head, rows)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M %Z}"
