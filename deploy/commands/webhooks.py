"""`yuqing webhooks list|test|dead|replay|enable`: where alerts go, how that fares, and what did not arrive."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.alert_desk import Actor, actor_of, alert_books
from deploy.errors import UsageError
from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit, table

if TYPE_CHECKING:
    from alerts.delivery.channels import Channel
    from alerts.delivery.endpoint_states import EndpointState
    from alerts.delivery.endpoints import Endpoint

__all__ = ["app"]

app = typer.Typer(help="Where alerts go, and what did not arrive.", no_args_is_help=True)

_TIMEOUT_S = 15
_MOST = 200

Name = Annotated[str, typer.Argument(help="Its name in the settings.")]


@app.command("list")
def list_endpoints(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """List webhooks and channels, and how they fare. Exit code 1 when one is disabled."""
    from sqlalchemy import func, select

    from alerts.delivery.channels import Channel
    from alerts.delivery.endpoint_states import stored
    from deploy.alert_parts import endpoints_of
    from storage.tables import deliveries

    chosen = endpoints_of(read_settings(config, state))
    with alert_books(config, state) as engine, engine.connect() as connection:
        states = stored(connection)
        query = select(deliveries.c.endpoint, deliveries.c.state, func.count()).group_by("endpoint", "state")
        counts = {(row[0], row[1]): row[2] for row in connection.execute(query)}
    found = [
        {
            "name": one.name,
            "kind": "channel" if isinstance(one, Channel) else "webhook",
            "state": _state(states.get(one.name)),
            "why": states[one.name].why if _state(states.get(one.name)) != "well" else "",
            **{each: counts.get((one.name, each), 0) for each in ("pending", "delivered", "dead")},
        }
        for one in chosen
    ]
    emit({"endpoints": found}, as_json, lambda result: _listed(result["endpoints"]))
    return 1 if any(one["state"] == "disabled" for one in found) else 0


@app.command("test")
def send_test(
    where: Annotated[str, typer.Argument(help="A name in the settings, or a URL.", metavar="NAME|URL")],
    secret_file: Annotated[
        Path | None, typer.Option(help="Holds what a URL's receiver checks the signature with, base64.")
    ] = None,
    allow_private: Annotated[bool, typer.Option("--allow-private", help="The URL may be on your own network.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Send one test message now, past the outbox, and say how it was answered. Exit code 1 when it was not taken."""
    from alerts.errors import AlertsError

    endpoint = _endpoint(where, secret_file, allow_private, config, state)
    started = perf_counter()
    try:
        status = asyncio.run(_send(endpoint))
        result: dict[str, Any] = {"endpoint": endpoint.name, "taken": True, "status": status, "error": ""}
    except AlertsError as error:
        result = {"endpoint": endpoint.name, "taken": False, "status": None, "error": str(error)}
    result["seconds"] = round(perf_counter() - started, 3)
    emit(result, as_json, _tested)
    return 0 if result["taken"] else 1


@app.command()
def dead(
    endpoint: Annotated[str, typer.Option(help="Only those of this endpoint.")] = "",
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """List deliveries that were given up, newest first. Exit code 1 when there are any."""
    from sqlalchemy import select

    from storage.tables import deliveries

    names = ("webhook_id", "endpoint", "event_type", "created_at", "attempts", "last_error")
    query = select(*(deliveries.c[name] for name in names)).where(deliveries.c.state == "dead")
    query = query.order_by(deliveries.c.seq.desc()).limit(_MOST)
    if endpoint:
        query = query.where(deliveries.c.endpoint == endpoint)
    with alert_books(config, state) as engine, engine.connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    emit({"dead": found}, as_json, lambda result: _dead(result["dead"]))
    return 1 if found else 0


@app.command()
def replay(
    what: Annotated[str, typer.Argument(help="An endpoint's name, or one webhook id.", metavar="NAME|WEBHOOK_ID")],
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Give dead deliveries another day of attempts, under the ids they had. Exit code 1 when there were none."""
    from alerts.delivery import outbox
    from deploy.roles import now

    with alert_books(config, state) as engine, engine.begin() as connection:
        again = outbox.replay_one if what.startswith("msg_") else outbox.replay
        count = again(connection, what, now())
    emit({"replayed": count}, as_json, lambda result: f"{result['replayed']:,} deliveries will be tried again.")
    return 0 if count else 1


@app.command()
def enable(name: Name, by: Actor = "", as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """Call an endpoint again that answered 410, or that rests after failures."""
    from alerts.delivery import endpoint_states
    from deploy.roles import now

    who = actor_of(by)
    with alert_books(config, state) as engine, engine.begin() as connection:
        enabled = endpoint_states.enable(connection, name, actor=who, now=now())
    if not enabled:
        raise UsageError(f"{name} is neither disabled nor resting; see `yuqing webhooks list`")
    fix = f"`yuqing webhooks replay {name}` sends what it missed."
    emit({"endpoint": name, "enabled_by": who}, as_json, lambda result: f"{result['endpoint']} is called again. {fix}")
    return 0


async def _send(endpoint: Endpoint | Channel) -> int | None:
    from uuid import uuid4

    import msgspec

    from alerts.delivery.channels import Channel, ChannelSender
    from alerts.delivery.outbox import Claimed
    from alerts.delivery.payload import PingData, PingPayload
    from alerts.delivery.sending import Sender
    from deploy.roles import now

    at = now()
    told = PingPayload(type="webhook.test", version=1, timestamp=at, data=PingData(text="This endpoint hears Yuqing."))
    body = msgspec.json.encode(told, order="sorted").decode()
    claimed = Claimed(f"msg_{uuid4().hex}", endpoint.name, told.type, body, 1, created_at=at, since=at, claimed_at=at)
    if isinstance(endpoint, Channel):
        await ChannelSender().post(endpoint, claimed)
        return None
    async with Sender(timeout=timedelta(seconds=_TIMEOUT_S)) as sender:
        return await sender.post(endpoint, claimed, at)


def _endpoint(
    where: str, secret_file: Path | None, allow_private: bool, config: Path | None, state: Path | None
) -> Endpoint | Channel:
    from alerts.delivery.endpoints import Endpoint
    from deploy.alert_parts import endpoints_of

    if "://" in where:
        if secret_file is None:
            raise UsageError("a URL needs --secret-file, with what its receiver checks the signature with")
        secret = secret_file.read_text(encoding="utf-8").strip()
        return Endpoint("test", where, secret, allow_private=allow_private)
    chosen = endpoints_of(read_settings(config, state))
    found = next((one for one in chosen if one.name == where), None)
    if found is None:
        names = ", ".join(one.name for one in chosen) or "none"
        raise UsageError(f"there is no webhook or channel {where!r} in the settings; there are: {names}")
    return found


def _state(state: EndpointState | None) -> str:
    if state is None:
        return "well"
    if state.disabled_at is not None:
        return "disabled"
    if state.resting_until is not None:
        return "resting"
    return "failing" if state.failures else "well"


def _listed(found: list[dict[str, Any]]) -> str:
    if not found:
        return "No webhooks and no channels are configured: alerts are only stored."
    head = ["name", "kind", "state", "pending", "delivered", "dead", "why"]
    return table(head, [tuple(one[name] for name in head) for one in found])


def _dead(found: list[dict[str, Any]]) -> str:
    if not found:
        return "No dead deliveries."
    head = ["webhook_id", "endpoint", "event_type", "attempts", "last_error"]
    return table(head, [tuple(one[name] for name in head) for one in found])


def _tested(result: dict[str, Any]) -> str:
    if result["taken"]:
        status = f" with {result['status']}" if result["status"] else ""
        return f"{result['endpoint']} took it{status} after {result['seconds']:.2f} s."
    return f"{result['endpoint']} did not take it: {result['error']} (after {result['seconds']:.2f} s)."
