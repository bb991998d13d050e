"""`yuqing watchlist check|list|add|withdraw|export`: the files, and the entries that people put on top of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.alert_desk import Actor, actor_of, alert_books
from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit, table

if TYPE_CHECKING:
    from storage.watch_entries import Change

__all__ = ["app"]

app = typer.Typer(help="The companies to watch.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The companies to watch."""


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="CSV files; none: those of the settings.")] = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Read watch lists together with the default one; name every mistake with its line."""
    from stream.watchlist import load

    intake = read_settings(config, state).intake
    chosen = files or list(intake.watchlists)
    entities = load(chosen, include_default=intake.default_watchlist)
    own = load(chosen, include_default=False)
    result = {
        "files": [str(path) for path in chosen],
        "own": len(own),
        "entities": len(entities),
        "names": sum(1 + len(one.aliases) + len(one.tickers) for one in entities),
    }
    emit(
        result,
        as_json,
        lambda found: f"{found['entities']:,} companies, {found['own']:,} of them yours, {found['names']:,} names.",
    )
    return 0


@app.command("list")
def list_entries(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """List the entries that people have put on top of the files."""
    from storage.watch_entries import current, newest

    with alert_books(config, state) as engine, engine.connect() as connection:
        found = {"version": newest(connection), "entries": [_plain(change) for change in current(connection)]}
    emit(found, as_json, _listed)
    return 0


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the company is called.")],
    entity_id: Annotated[str, typer.Option("--id", help="Its id, such as AAPL.US; made from the name.")] = "",
    alias: Annotated[list[str] | None, typer.Option("--alias", help="Another name; repeatable.")] = None,
    ticker: Annotated[list[str] | None, typer.Option("--ticker", help="Such as AAPL; repeatable.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Such as banks; repeatable.")] = None,
    ambiguous: Annotated[
        list[str] | None, typer.Option("--ambiguous", help="Which of them mean something else too; repeatable.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the company of this id off the list.")] = False,
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Put an entry on the list, in place of the one with its id. Scorers take it over within seconds."""
    from alerts.answers.watch_entries import save
    from deploy.roles import now
    from deploy.watch_lists import lists_of
    from deploy.watch_matching import FollowedLists
    from storage.watch_entries import Entry

    names = {"aliases": alias, "tickers": ticker, "groups": group, "ambiguous": ambiguous}
    lists = {column: tuple(given or ()) for column, given in names.items()}
    entry, who = Entry(name=name, entity_id=entity_id, remove=remove, **lists), actor_of(by)
    followed = FollowedLists(lists_of(read_settings(config, state)))
    with alert_books(config, state) as engine, engine.begin() as connection:
        change = save(connection, followed, entry, actor=who, now=now())
    emit(_plain(change), as_json, _told)
    return 0


@app.command()
def withdraw(
    entity_id: Annotated[str, typer.Argument(help="The id of the entry.", metavar="ID")],
    by: Actor = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Take an entry away: what the files have under its id is in force again."""
    from alerts.answers import watch_entries
    from deploy.roles import now

    who = actor_of(by)
    with alert_books(config, state) as engine, engine.begin() as connection:
        change = watch_entries.withdraw(connection, entity_id, actor=who, now=now())
    emit(_plain(change), as_json, _told)
    return 0


@app.command()
def export(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """Print the entries as a CSV that [intake] watchlists can name, after the other files."""
    from deploy.watch_lists import rows_of
    from storage.watch_entries import in_force
    from stream.watchlist import csv_of

    with alert_books(config, state) as engine, engine.connect() as connection:
        version, entries = in_force(connection)
    found = {"version": version, "entries": len(entries), "csv": csv_of(rows_of(entries))}
    emit(found, as_json, lambda answer: answer["csv"].removesuffix("\n"))
    return 0


def _plain(change: Change) -> dict[str, Any]:
    entry = change.entry
    return {
        "entity_id": entry.entity_id,
        "name": entry.name,
        "aliases": entry.aliases,
        "tickers": entry.tickers,
        "groups": entry.groups,
        "ambiguous": entry.ambiguous,
        "remove": entry.remove,
        "action": change.action,
        "version": change.version,
        "changed_by": change.actor,
        "changed_at": change.at,
    }


def _told(one: dict[str, Any]) -> str:
    return f"{one['entity_id']}: {one['action']} by {one['changed_by']}; the list is at version {one['version']}."


def _listed(found: dict[str, Any]) -> str:
    if not found["entries"]:
        return "No entries: the list is that of the files."
    head = ["id", "name", "other names", "groups", "since", "by"]
    rows = [
        (
            one["entity_id"],
            "(off the list)" if one["remove"] else one["name"],
            "|".join((*one["aliases"], *one["tickers"])),
            "|".join(one["groups"]),
            f"{one['changed_at']:%Y-%m-%d %H:%M %Z}",
            one["changed_by"],
        )
        for one in found["entries"]
    ]
    return table(head, rows)
