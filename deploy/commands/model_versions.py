"""`yuqing model-versions list|use|history`: which model version the views show of which days, and who decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.errors import UsageError
from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit, table
from deploy.stored_past import current_books, days

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from storage.shown_versions import Shown

__all__ = ["LIVE", "app"]

app = typer.Typer(help="Which model version the views show of the past.", no_args_is_help=True)

LIVE = "live"
"""In place of a version: what each document was said to be when it came."""

First = Annotated[str, typer.Option("--from", help="The first day (UTC), such as 2026-03-01.")]
Last = Annotated[str, typer.Option("--to", help="The last day, included.")]


@app.command("list")
def list_versions(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """List the versions that scored stored documents, and which days show one in place of the first scores."""
    from storage.shown_versions import scored_versions, shown

    with current_books(read_settings(config, state)) as engine, engine.connect() as connection:
        scored, now_shown = scored_versions(connection), shown(connection)
    result = {
        "versions": [
            {"version": one.version, "first": one.first, "again": one.again, "since": one.since, "until": one.until}
            for one in scored
        ],
        "shown": [_row(one) for one in now_shown],
    }
    emit(result, as_json, _listed)
    return 0


@app.command()
def use(
    version: Annotated[str, typer.Argument(help=f"A version that `list` names, or {LIVE}: the first scores again.")],
    first: First,
    last: Last,
    actor: Annotated[str, typer.Option(help="Who decides it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Though the version has not scored all documents of these days.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Show a version of these days in all views at once. `trends_as_of` remembers what was shown before."""
    from deploy.roles import now
    from storage.shown_versions import show, shown

    if not (actor.strip() and reason.strip()):
        raise UsageError("say who decides it, with --actor, and why, with --reason")
    since, until = days(first, last)
    with current_books(read_settings(config, state)) as engine, engine.begin() as connection:
        if version != LIVE:
            _refuse(connection, version, since, until, incomplete=incomplete)
        chosen = None if version == LIVE else version
        show(connection, chosen, since, until, actor=actor, reason=reason, now=now())
        result = {"version": version, "from": since, "until": until, "shown": [_row(one) for one in shown(connection)]}
    emit(
        result,
        as_json,
        lambda told: f"The views show {told['version']} from {first} to {last}.\n{_shown(told['shown'])}",
    )
    return 0


@app.command()
def history(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """List every switch: what was shown of which time, from when until when, who decided it and who ended it."""
    from storage.shown_versions import shown

    with current_books(read_settings(config, state)) as engine, engine.connect() as connection:
        rows = [_row(one) for one in shown(connection, ended=True)]
    emit({"switches": rows}, as_json, lambda told: _shown(told["switches"]))
    return 0


def _refuse(connection: Connection, version: str, since: datetime, until: datetime, *, incomplete: bool) -> None:
    from storage.rescoring import Range, unscored
    from storage.retention import kept_from
    from storage.shown_versions import scored_versions

    known = [one.version for one in scored_versions(connection)]
    if version not in known:
        raise UsageError(f"{version!r} has scored no stored document; there are {', '.join(known) or 'none'}")
    if incomplete:
        return
    oldest = kept_from(connection)
    if oldest is not None and since < oldest:
        raise UsageError(
            f"documents from before {oldest:%Y-%m-%d} were dropped, so nobody can score them again; begin there, or "
            "say --incomplete: those days then keep their first scores"
        )
    if left := unscored(connection, Range(version, since, until)):
        raise UsageError(
            f"{version} has not scored {left:,} documents of these days; run `yuqing rescore` for them, or say "
            "--incomplete: they are shown as they were first scored"
        )


def _row(one: Shown) -> dict[str, Any]:
    return {
        "version": one.version,
        "since": one.since,
        "until": one.until,
        "shown_from": one.shown_from,
        "shown_until": one.shown_until,
        "actor": one.actor,
        "reason": one.reason,
        "ended_by": one.ended_by,
    }


def _listed(result: dict[str, Any]) -> str:
    head = ["version", "scored first", "scored again", "published from", "to"]
    rows = [
        (one["version"], one["first"], one["again"], one["since"] or "", one["until"] or "")
        for one in result["versions"]
    ]
    return "\n\n".join([table(head, rows), _shown(result["shown"])])


def _shown(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Everywhere the first scores are shown."
    head = ["version", "of", "until", "shown from", "shown until", "by", "why", "ended by"]
    return table(head, [tuple("" if value is None else str(value) for value in _ordered(row)) for row in rows])


def _ordered(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        row[name] for name in ("version", "since", "until", "shown_from", "shown_until", "actor", "reason", "ended_by")
    )
