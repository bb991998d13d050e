"""`yuqing dead-letters list|show|replay|drop`: what could not be read, why, and a way back."""

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

    from deploy.services import Services
    from deploy.settings import Settings
    from storage.dead_letter_rows import StoredDeadLetter
    from storage.records import Origin

__all__ = ["app"]

app = typer.Typer(help="What could not be read, why, and a way back.", no_args_is_help=True)

_SHOWN_BYTES = 4096

Reason = Annotated[str, typer.Option(help="Only those with this reason, such as not_json.")]
Places = Annotated[
    list[str] | None, typer.Argument(help="PARTITION:OFFSET or TOPIC:PARTITION:OFFSET, as `list` prints them.")
]


@app.command("list")
def list_letters(
    reason: Reason = "",
    all_states: Annotated[bool, typer.Option("--all", help="Replayed and dropped ones too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """List dead letters, oldest first."""
    from storage import dead_letter_rows

    with _opened(config, state) as (_, _services, engine), engine.connect() as connection:
        found = dead_letter_rows.find(
            connection, state=None if all_states else "open", reason=reason or None, limit=limit
        )
    emit({"dead_letters": [_brief(one) for one in found]}, as_json, lambda result: _listed(result["dead_letters"]))
    return 0


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="PARTITION:OFFSET, as `list` prints it.")],
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Show one dead letter with the first 4 KiB of its bytes."""
    with _opened(config, state) as (settings, _, engine):
        (letter,) = _find(engine, settings, [place])
    result = _brief(letter) | {
        "headers": {name: _text(value) for name, value in letter.letter.headers},
        "key": _text(letter.letter.key or b""),
        "value": _text(letter.letter.value[:_SHOWN_BYTES]),
    }
    emit(result, as_json, lambda found: "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


@app.command()
def replay(
    places: Places = None,
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="Every open one.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Send the original bytes to documents.raw again, once their cause is mended."""
    from stream.dead_letters import replay as send_again

    with _opened(config, state) as (settings, services, engine):
        from deploy.services import topics_of

        letters = _chosen(engine, settings, places, reason, everything)
        count = send_again(engine, services.kafka, topics_of(settings), [one.letter.origin for one in letters])
    emit({"replayed": count}, as_json, lambda result: f"{result['replayed']:,} sent to documents.raw again.")
    return 0


@app.command()
def drop(
    places: Places = None,
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="Every open one.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Mark as not worth mending. The bytes stay, and so does the account."""
    from stream.dead_letters import drop as give_up

    with _opened(config, state) as (settings, _, engine):
        letters = _chosen(engine, settings, places, reason, everything)
        count = give_up(engine, [one.letter.origin for one in letters])
    emit({"dropped": count}, as_json, lambda result: f"{result['dropped']:,} dropped.")
    return 0


@contextmanager
def _opened(config: Path | None, state: Path | None) -> Iterator[tuple[Settings, Services, Engine]]:
    from deploy.services import open_services
    from storage.connection import connect

    settings = read_settings(config, state)
    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            yield settings, services, engine
        finally:
            engine.dispose()


def _chosen(
    engine: Engine, settings: Settings, places: Sequence[str] | None, reason: str, everything: bool
) -> Sequence[StoredDeadLetter]:
    """The letters meant: exactly one way of naming them."""
    from storage import dead_letter_rows

    if sum(map(bool, (places, reason, everything))) != 1:
        raise UsageError("say which: PARTITION:OFFSET…, or --reason REASON, or --all")
    if places:
        return _find(engine, settings, places)
    with engine.connect() as connection:
        return dead_letter_rows.find(connection, state="open", reason=reason or None)


def _find(engine: Engine, settings: Settings, places: Sequence[str]) -> Sequence[StoredDeadLetter]:
    from storage import dead_letter_rows

    origins = [_origin(place, settings) for place in places]
    with engine.connect() as connection:
        found = dead_letter_rows.find(connection, origins=origins)
    if missing := set(origins) - {one.letter.origin for one in found}:
        told = ", ".join(sorted(f"{one.partition}:{one.offset}" for one in missing))
        raise UsageError(f"there is no dead letter {told}; see `yuqing dead-letters list`")
    return found


def _origin(place: str, settings: Settings) -> Origin:
    from deploy.services import topics_of
    from storage.records import Origin

    topic, _, rest = place.rpartition(":")[0].rpartition(":")
    partition, offset = rest, place.rpartition(":")[2]
    if not (partition.isdigit() and offset.isdigit()):
        raise UsageError(f"{place!r} is not PARTITION:OFFSET, such as 0:1234")
    return Origin(topic=topic or topics_of(settings).raw, partition=int(partition), offset=int(offset))


def _brief(stored: StoredDeadLetter) -> dict[str, Any]:
    letter = stored.letter
    return {
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "bytes": len(letter.value),
        "arrived_at": letter.arrived_at,
        "state": stored.state,
    }


def _listed(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No dead letters."
    head = ["place", "reason", "state", "bytes", "detail"]
    return table(
        head,
        [(f"{r['partition']}:{r['offset']}", r["reason"], r["state"], r["bytes"], r["detail"][:80]) for r in rows],
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
