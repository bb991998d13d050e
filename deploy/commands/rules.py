"""`yuqing rules check|try`: an operator's own rules, before they are in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.errors import UsageError
from deploy.options import AsJson, Config, State, WatchLists, read_settings
from deploy.output import emit, table

if TYPE_CHECKING:
    from alerts.rules.rule import Rule
    from alerts.rules.trying import Tried
    from deploy.settings import Settings

__all__ = ["app"]

app = typer.Typer(
    help="Your own rules, [[alerts.rules]]: check them, and try them on stored days.", no_args_is_help=True
)

_TITLES = 3
_LATE = "until windows.allowed_lateness_s is over, news may still come that belongs to the alert"


@app.command()
def check(watchlist: WatchLists = None, as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """Read the rules and hold them against watch list, topics and lateness. Exit code 1 when one does not fit."""
    from deploy.watch_lists import known as known_list
    from model.labels import TOPICS

    settings = read_settings(config, state, watchlist)
    rules = settings.alerts.rules
    listed = known_list(settings) if rules else []
    known = {
        "entities": {"*", *(each.entity_id for each in listed)},
        "groups": {group for each in listed for group in each.groups},
        "topics": {label.id for label in TOPICS},
    }
    where = {"entities": "is on no watch list", "groups": "is a group of no company", "topics": "is no topic"}
    faults = [
        {"rule": rule.name, "key": key, "value": value, "fault": where[key]}
        for rule in rules
        for key, values in known.items()
        for value in getattr(rule, key)
        if value not in values
    ]
    late = settings.windows.allowed_lateness_s
    faults += [
        {
            "rule": rule.name,
            "key": "quiet_min",
            "value": rule.quiet_min,
            "fault": f"must be longer than {late / 60:g}: {_LATE}",
        }
        for rule in rules
        if rule.quiet_min * 60 <= late
    ]
    emit({"rules": [rule.name for rule in rules], "faults": faults}, as_json, _checked)
    return 1 if faults else 0


@app.command("try")
def try_rules(
    first: Annotated[str, typer.Option("--from", help="The first day (UTC), such as 2026-03-01.")],
    last: Annotated[str, typer.Option("--to", help="The last day, included.")],
    names: Annotated[list[str] | None, typer.Argument(help="Rules by name; none: all.", metavar="[RULE]…")] = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Show when rules would have told of what, had they been in force on stored days. Writes nothing."""
    from alerts.detection.series import minute_of
    from alerts.rules.trying import tried
    from deploy.stored_past import current_books, days
    from storage.retention import kept_from

    settings = read_settings(config, state)
    rules = _chosen(settings, names or ())
    since, until = days(first, last)
    with current_books(settings, read_only=True) as engine, engine.connect() as connection:
        dropped_before = kept_from(connection)
        found = [(rule, tried(connection, rule, minute_of(since), minute_of(until) - 1)) for rule in rules]
    answer = {
        "from": since,
        "until": until,
        "kept_from": dropped_before if dropped_before and dropped_before > since else None,
        "rules": [
            {"rule": rule.name, "detector": rule.detector, "alerts": [_plain(one) for one in each]}
            for rule, each in found
        ],
    }
    emit(answer, as_json, _tried)
    return 0


def _chosen(settings: Settings, names: Sequence[str]) -> list[Rule]:
    """Raises UsageError where there are no rules, or none of a name."""
    given = {rule.name: rule for rule in settings.alerts.rules}
    if not given:
        raise UsageError("the settings have no [[alerts.rules]]", fix="add one; yuqing.example.toml shows how.")
    for name in names:
        if name not in given:
            raise UsageError(f"there is no rule {name!r}; there are {', '.join(given)}")
    return [given[name].judge() for name in names or given]


def _plain(one: Tried) -> dict[str, Any]:
    from alerts.detection.evidence import as_json
    from alerts.detection.series import time_of

    episode, seen = one.episode, one.evidence
    return {
        "alert_id": episode.alert_id,
        "entity_id": episode.entity_id,
        "severity": episode.severity,
        "first_bucket": time_of(episode.first),
        "last_bucket": time_of(episode.last),
        "observed": episode.peak.observed,
        "observed_documents": episode.peak.observed_documents,
        "seen": str(seen.rule),
        "documents": as_json(seen)["documents"],
    }


def _checked(answer: dict[str, Any]) -> str:
    lines = [f"rule {one['rule']!r}: {one['key']}: {one['value']!r} {one['fault']}" for one in answer["faults"]]
    told = f"{len(answer['rules'])} rules can be read" if answer["rules"] else "There are no [[alerts.rules]]"
    return "\n".join([*lines, f"{told}; {len(lines) or 'no'} faults."])


def _tried(answer: dict[str, Any]) -> str:
    lines = []
    if answer["kept_from"]:
        lines.append(f"Documents before {answer['kept_from']:%Y-%m-%d} were dropped: nothing can fire there.")
    for rule in answer["rules"]:
        lines.append(f"{rule['rule']}: {len(rule['alerts'])} alerts")
        if rule["alerts"]:
            rows = [
                (
                    f"{one['first_bucket']:%Y-%m-%d %H:%M}Z",
                    f"{one['last_bucket']:%Y-%m-%d %H:%M}Z",
                    one["entity_id"],
                    one["observed"],
                    " / ".join(document["title"][:60] for document in one["documents"][:_TITLES]),
                )
                for one in rule["alerts"]
            ]
            lines.append(table(["first", "last", "company", "at most", "of"], rows))
    return "\n".join(lines)
