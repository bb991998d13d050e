"""`yuqing losses list|acknowledge`: records that left the broker before they were counted, and who knows of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.errors import UsageError
from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit, table

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from storage.losses import Noted

__all__ = ["app"]

app = typer.Typer(help="Records that left the broker before they were counted.", no_args_is_help=True)


@app.command("list")
def list_losses(
    everything: Annotated[bool, typer.Option("--all", help="Acknowledged ones too.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """List losses with their exact offsets. Exit code 1 while one is not acknowledged."""
    from storage.losses import noted

    with _looked(config, state) as engine, engine.connect() as connection:
        found = noted(connection, acknowledged=everything)
    emit({"losses": [_row(one) for one in found]}, as_json, lambda result: _listed(result["losses"]))
    return 1 if any(one.acknowledged_at is None for one in found) else 0


@app.command()
def acknowledge(
    actor: Annotated[str, typer.Option(help="Who says so.")],
    reason: Annotated[str, typer.Option(help="Why it happened, or what was done about it.")],
    places: Annotated[
        list[str] | None, typer.Argument(help="TOPIC/PARTITION:OFFSET, the first of a loss, as `list` prints it.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one that is not acknowledged.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Say that losses are known: `yuqing audit` names them no longer. They stay on record, with actor and reason."""
    from deploy.roles import now
    from storage import losses

    if not (actor.strip() and reason.strip()):
        raise UsageError("say who acknowledges it, with --actor, and why, with --reason")
    with _looked(config, state) as engine, engine.begin() as connection:
        chosen = _chosen(losses.noted(connection), places, everything)
        count = losses.acknowledge(
            connection, [one.loss for one in chosen], actor=actor.strip(), reason=reason.strip(), now=now()
        )
    emit({"acknowledged": count}, as_json, lambda result: f"{result['acknowledged']:,} lost records acknowledged.")
    return 0


@contextmanager
def _looked(config: Path | None, state: Path | None) -> Iterator[Engine]:
    """The database, after a look at the broker for what nobody has noted yet."""
    from deploy.roles import now
    from deploy.services import open_services, topics_of
    from storage.connection import connect
    from stream.loss_watch import LossWatch

    settings = read_settings(config, state)
    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            LossWatch(services.kafka, engine, topics_of(settings), now).look()
            yield engine
        finally:
            engine.dispose()


def _chosen(found: Sequence[Noted], places: Sequence[str] | None, everything: bool) -> list[Noted]:
    if bool(places) == everything:
        raise UsageError("say which: TOPIC/PARTITION:OFFSET…, or --all")
    if everything:
        return list(found)
    by_place = {_place(one): one for one in found}
    if unknown := sorted(set(places or ()) - set(by_place)):
        raise UsageError(f"there is no loss {', '.join(unknown)} to acknowledge; see `yuqing losses list`")
    return [by_place[place] for place in places or ()]


def _place(one: Noted) -> str:
    return f"{one.loss.topic}/{one.loss.partition}:{one.loss.first_offset}"


def _row(one: Noted) -> dict[str, Any]:
    return {
        "place": _place(one),
        "topic": one.loss.topic,
        "partition": one.loss.partition,
        "first": one.loss.first_offset,
        "last": one.loss.next_offset - 1,
        "records": one.loss.records,
        "noticed_at": one.noticed_at,
        "acknowledged_at": one.acknowledged_at,
        "actor": one.actor,
        "reason": one.reason,
    }


def _listed(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Nothing is lost."
    head = ["place", "last", "records", "noticed", "acknowledged by", "reason"]
    return table(
        head, [(r["place"], r["last"], r["records"], r["noticed_at"], r["actor"], r["reason"][:60]) for r in rows]
    )
